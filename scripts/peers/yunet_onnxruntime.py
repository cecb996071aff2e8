"""A plain Python pipeline: OpenCV decodes and detects faces (YuNet), onnxruntime classifies with our model.

    yunet_onnxruntime.py SOURCE YUNET MODEL [gate]        one JSON line a frame on stdout

With `gate`, a frame that differs little from the last one that was analysed gets its results, but not for longer than a
second.
"""
import sys

import cv2
import numpy as np
import onnxruntime

from frames import print_faces

MIN_SCORE = 0.7  # emotiond's
BLOCK = 8  # pixels
LEAST_CHANGE = 4  # levels of gray of a block
LONGEST_GATED = 30  # frames

source, yunet, model = sys.argv[1:4]
session = onnxruntime.InferenceSession(model)
about = session.get_modelmeta().custom_metadata_map
about = {key.removeprefix("emotiond."): value for key, value in about.items()}
labels, size = about["labels"].split(), int(about["size"])
mean, scale = float(about["mean"]), float(about["scale"])
detector = cv2.FaceDetectorYN.create(yunet, "", (0, 0), MIN_SCORE)


def crop(gray, box):
    x, y, width, height = box
    face = gray[max(y, 0):y + height, max(x, 0):x + width]
    return cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)


def analyse(frame):
    detector.setInputSize((frame.shape[1], frame.shape[0]))
    _, found = detector.detect(frame)
    if found is None:
        return []
    boxes = found[:, :4].astype(int).tolist()
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    crops = np.stack([crop(gray, box) for box in boxes])[:, np.newaxis]
    inputs = (crops.astype(np.float32) - mean) * scale
    probabilities, = session.run(None, {session.get_inputs()[0].name: inputs})
    return [
        {"box": box, "emotion": labels[best.argmax()], "confidence": float(best.max())}
        for box, best in zip(boxes, probabilities)
    ]


class Gate:
    """Analyses only frames that differ from the last one that was analysed."""

    def __init__(self):
        self.blocks, self.faces, self.gated = None, None, 0

    def __call__(self, frame):
        gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        blocks = cv2.resize(gray, None, fx=1 / BLOCK, fy=1 / BLOCK, interpolation=cv2.INTER_AREA).astype(np.int16)
        self.gated += 1
        if self.blocks is None or self.gated >= LONGEST_GATED or np.abs(blocks - self.blocks).max() >= LEAST_CHANGE:
            self.blocks, self.faces, self.gated = blocks, analyse(frame), 0
        return self.faces


print_faces(source, Gate() if "gate" in sys.argv[4:] else analyse)
