"""Waits for the LSL stream with the name in the first argument and prints lines of JSON: its description, then each
sample: Unix time of its stamp, values."""

import json
import sys
import time

import pylsl


def say(what):
    print(json.dumps(what), flush=True)


say("ready")
found = []
while not found:
    found = pylsl.resolve_byprop("name", sys.argv[1], timeout=1)
inlet = pylsl.StreamInlet(found[0])
info = inlet.info()
channel = info.desc().child("channels").first_child()
labels = []
for _ in range(info.channel_count()):
    labels.append(channel.child_value("label"))
    channel = channel.next_sibling()
inlet.open_stream()
say({"type": info.type(), "rate": info.nominal_srate(), "id": info.source_id(), "labels": labels})
while True:
    values, stamp = inlet.pull_sample(timeout=0.2)
    if values is not None:
        # JSON has no NaN.
        values = [None if value != value else value for value in values]
        say([time.time() - (pylsl.local_clock() - stamp), values])
