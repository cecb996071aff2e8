#!/usr/bin/env python3
"""Compares the face events of two recordings: the same faces in the same order, boxes within a pixel, the same emotions,
probabilities within 0.01. Prints the largest differences, and fails if there are larger ones.

    scripts/same-events.py A.jsonl B.jsonl
"""

import json
import sys
from pathlib import Path

PIXELS = 1
PROBABILITY = 0.01


def faces(file):
    lines = (json.loads(line) for line in Path(file).read_text().splitlines())
    return [line for line in lines if line["type"] == "face"]


def name(face):
    return tuple(face.get(key) for key in ("source", "file", "frame", "track", "phase"))


def main():
    first, second = map(faces, sys.argv[1:3])
    if [name(face) for face in first] != [name(face) for face in second]:
        only = set(map(name, first)) ^ set(map(name, second))
        sys.exit(f"{len(first)} and {len(second)} faces; in one only: {sorted(map(str, only))[:10]}")
    if not first:
        sys.exit("there are no faces")
    pixels = probability = 0
    wrong = []
    for a, b in zip(first, second):
        apart = max(abs(a["box"][key] - b["box"][key]) for key in a["box"])
        differs = max(abs(a["probabilities"][key] - b["probabilities"][key]) for key in a["probabilities"])
        pixels, probability = max(pixels, apart), max(probability, differs)
        if apart > PIXELS or differs > PROBABILITY or a["emotion"] != b["emotion"]:
            wrong.append(f"{name(a)}: {apart} px, {differs:.4f}, {a['emotion']} and {b['emotion']}")
    print(f"{len(first)} face events, boxes within {pixels} px, probabilities within {probability:.4f}")
    if wrong:
        sys.exit("\n".join([f"{len(wrong)} events differ more:"] + wrong[:20]))


main()
