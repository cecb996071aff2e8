"""PyPI fer on each frame of a video or picture.

    fer_faces.py SOURCE haar|mtcnn        one JSON line a frame on stdout
"""
import sys

from frames import print_faces

source, detector = sys.argv[1:]
if detector == "mtcnn":
    import facenet_pytorch  # noqa: F401  PyTorch's LLVM stops the process where TensorFlow's was loaded before it.
from fer.fer import FER

fer = FER(mtcnn=detector == "mtcnn")


def analyse(frame):
    return [
        {"box": [int(side) for side in face["box"]], "emotions": face["emotions"]}
        for face in fer.detect_emotions(frame)
    ]


print_faces(source, analyse)
