"""Records the LSL streams of one emotiond into a CSV file: seconds, stream, values. Needs `pip install pylsl`.

python3 examples/record_lsl.py emotiond-box1 600 recording.csv
"""

import csv
import sys

import pylsl

prefix, seconds, file = sys.argv[1], float(sys.argv[2]), sys.argv[3]
found = pylsl.resolve_bypred(f"starts-with(name, '{prefix}')", minimum=2, timeout=30)
inlets = [pylsl.StreamInlet(info) for info in found]
for inlet in inlets:
    inlet.open_stream()
with open(file, "w", newline="") as out:
    rows = csv.writer(out)
    start = pylsl.local_clock()
    while pylsl.local_clock() < start + seconds:
        for inlet in inlets:
            samples, stamps = inlet.pull_chunk(timeout=0.05)
            for stamp, values in zip(stamps, samples):
                rows.writerow([f"{stamp:.6f}", inlet.info().name(), *values])
