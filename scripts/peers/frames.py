"""What the Python programs have in common: frames in, a JSON line for each out."""
import itertools
import json

import cv2


def print_faces(source, analyse):
    """Prints what `analyse` makes of each frame of a video or picture."""
    video = cv2.VideoCapture(source)
    for number in itertools.count():
        there, frame = video.read()
        if not there:
            break
        print(json.dumps({"frame": number, "faces": analyse(frame)}), flush=True)
