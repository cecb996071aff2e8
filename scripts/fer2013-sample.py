#!/usr/bin/env python3
"""Writes a small data set without splits, as some studies used: rows of FER2013's Training, the same part of every
emotion, drawn with a fixed seed.

    scripts/fer2013-sample.py fer2013.csv ROWS OUT.csv
"""

import random
import sys

from fer2013 import training_rows

SEED = 1


def main():
    if len(sys.argv) != 4 or not sys.argv[2].isdigit():
        sys.exit(__doc__)
    training = [row for row in training_rows(sys.argv[1]) if row.get("emotion", "").strip().isdigit()]
    rows = int(sys.argv[2])
    if not 0 < rows <= len(training):
        sys.exit(f"fer2013-sample.py: {sys.argv[1]} has {len(training)} training rows: draw 1 to {len(training)}")
    part = rows / len(training)
    by_emotion = {}
    for row in training:
        by_emotion.setdefault(int(row["emotion"]), []).append(row)
    # The classes with the largest remainders get the rows that rounding down leaves.
    quotas = {emotion: part * len(by_emotion[emotion]) for emotion in sorted(by_emotion)}
    counts = {emotion: int(quota) for emotion, quota in quotas.items()}
    remainders = sorted(counts, key=lambda emotion: counts[emotion] - quotas[emotion])
    for emotion in remainders[: rows - sum(counts.values())]:
        counts[emotion] += 1
    chance = random.Random(SEED)
    drawn = []
    for emotion, count in counts.items():
        drawn += chance.sample(by_emotion[emotion], count)
    chance.shuffle(drawn)
    try:
        with open(sys.argv[3], "w") as file:
            file.write("emotion,pixels\n")
            file.writelines(f"{row['emotion'].strip()},{row['pixels']}\n" for row in drawn)
    except OSError as error:
        sys.exit(f"fer2013-sample.py: {sys.argv[3]} cannot be written: {error.strerror}")
    print(f"wrote {len(drawn)} rows to {sys.argv[3]}")


if __name__ == "__main__":
    main()
