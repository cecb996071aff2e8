#!/usr/bin/env python3
"""Load: local HTTP cameras on one program, and how the analysis is shared among them.

    scripts/overload.py BINARY CONFIG [--cameras 32] [--fps 30] [--seconds 20] [--video FILE.ts] [--picture FILE.jpg]

Without --video the cameras send JPEG pictures (multipart), with it an MPEG transport stream, which ffmpeg decodes. Prints the
frames that were analysed, and the smallest and the largest share.
"""

import argparse
import collections
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: %s\r\n\r\n"


def pieces(arguments):
    """The type of the content, what is sent again and again, and how often a second."""
    if arguments.video:
        stream = Path(arguments.video).read_bytes()
        seconds = float(subprocess.check_output(
            ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", arguments.video]))
        count = int(seconds * arguments.fps)
        size = len(stream) / count
        return b"video/mp2t", [stream[int(i * size):int((i + 1) * size)] for i in range(count)]
    picture = Path(arguments.picture).read_bytes()
    part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
    return b"multipart/x-mixed-replace; boundary=frame", [part + picture + b"\r\n"]


def serve(client, kind, parts, fps):
    client.recv(65536)
    try:
        client.sendall(HEAD % kind)
        start, number = time.monotonic(), 0
        while True:
            time.sleep(max(0, start + number / fps - time.monotonic()))
            client.sendall(parts[number % len(parts)])
            number += 1
    except OSError:
        client.close()


def listen(kind, parts, fps):
    server = socket.create_server(("127.0.0.1", 0), backlog=512)

    def accept():
        while True:
            client, _ = server.accept()
            threading.Thread(target=serve, args=(client, kind, parts, fps), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("config")
    parser.add_argument("--cameras", type=int, default=32)
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--video")
    parser.add_argument("--picture", default="tests/data/astronaut.jpg")
    arguments = parser.parse_args()
    kind, parts = pieces(arguments)
    port = listen(kind, parts, arguments.fps)
    sources = [word for number in range(arguments.cameras)
               for word in ("--source", f"http://127.0.0.1:{port}/{number}")]
    with tempfile.TemporaryFile("w+") as log:
        program = subprocess.Popen(
            [arguments.binary, "run", "--config", arguments.config, *sources, "--emit", "every-frame"],
            stdout=subprocess.PIPE, stderr=log, text=True)
        threading.Timer(arguments.seconds, program.terminate).start()
        frames, first = collections.defaultdict(set), {}
        start = time.monotonic()
        for line in program.stdout:
            event = json.loads(line)
            if event["type"] == "face":
                frames[event["source"]].add(event["frame"])
                first.setdefault(event["source"], time.monotonic() - start)
        program.wait()
        used = os.times()
        log.seek(0)
        print("".join(line for line in log if "too small" in line), end="")
    shares = sorted(len(seen) for seen in frames.values())
    shares = [0] * (arguments.cameras - len(shares)) + shares
    print(f"{sum(shares)} frames, shares {shares[0]} to {shares[-1]}, median {shares[len(shares) // 2]}, "
          f"last source seen after {max(first.values(), default=0):.1f} s, "
          f"cpu {used.children_user + used.children_system:.1f} s")


if __name__ == "__main__":
    main()
