"""PyPI fer on each frame of a video or picture.

    fer_faces.py SOURCE haar|mtcnn        one JSON line a frame on stdout
"""
import json
import sys

import cv2

source, detector = sys.argv[1:]
if detector == "mtcnn":
    import facenet_pytorch  # noqa: F401  PyTorch's LLVM stops the process where TensorFlow's was loaded before it.
from fer.fer import FER

fer = FER(mtcnn=detector == "mtcnn")
video = cv2.VideoCapture(source)
number = 0
while True:
    there, frame = video.read()
    if not there:
        break
    faces = [
        {"box": [int(side) for side in face["box"]], "emotions": face["emotions"]}
        for face in fer.detect_emotions(frame)
    ]
    print(json.dumps({"frame": number, "faces": faces}), flush=True)
    number += 1
