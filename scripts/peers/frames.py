"""Shared by the Python programs: reads frames and prints one JSON line per frame."""
import itertools
import json

import cv2


def print_faces(source, analyse):
    """Prints the result of `analyse` for each frame of a video or picture."""
    video = cv2.VideoCapture(source)
    for number in itertools.count():
        there, frame = video.read()
        if not there:
            break
        print(json.dumps({"frame": number, "faces": analyse(frame)}), flush=True)
