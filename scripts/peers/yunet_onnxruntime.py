"""A plain Python pipeline: OpenCV decodes and detects faces (YuNet), onnxruntime classifies with our model.

    yunet_onnxruntime.py SOURCE YUNET MODEL        one JSON line a frame on stdout
"""
import sys

import cv2
import numpy as np
import onnxruntime

from frames import print_faces

MIN_SCORE = 0.7  # emotiond's

source, yunet, model = sys.argv[1:]
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


print_faces(source, analyse)
