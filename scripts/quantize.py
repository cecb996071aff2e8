"""Called by scripts/quantize: static 8-bit quantisation of an emotion model, calibrated on its training pictures."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

from fer2013 import training_rows

NEEDED = ["emotiond.color", "emotiond.size", "emotiond.mean", "emotiond.scale"]
# Number of calibration pictures, and the batch size.
PICTURES, BATCH = 480, 16


def training_pictures(path):
    """48x48 gray pictures, 0 to 255, spread over the training rows."""
    rows = [row["pixels"] for row in training_rows(path)]
    if not rows:
        sys.exit(f"quantize: {path} has no training rows: give FER2013, or a CSV with the columns emotion and pixels")
    for pixels in rows[:: -(-len(rows) // PICTURES)]:
        values = pixels.split()
        if len(values) != 48 * 48 or not all(value.isdigit() for value in values):
            sys.exit(f"quantize: {path} has a row without 48x48 numbers in the column pixels")
        yield np.array(values, dtype=np.float32).reshape(1, 48, 48)


def prepared(picture, described):
    """The network's input, made from a gray picture as crates/emotiond-core/src/face does it."""
    side = int(described["emotiond.size"])
    if picture.shape[-1] != side:
        resized = Image.fromarray(picture[0].astype(np.uint8)).resize((side, side), Image.Resampling.BILINEAR)
        picture = np.array(resized, dtype=np.float32)[None]
    if described.get("emotiond.levels") == "auto":
        picture = stretched(picture)
    # Gray pictures have the luma in each channel.
    channels = {"gray": 1, "rgb": 3}[described["emotiond.color"]]
    mean, scale = (
        np.broadcast_to(np.array(described[key].replace(",", " ").split(), dtype=np.float32), channels)
        for key in ("emotiond.mean", "emotiond.scale")
    )
    return ((picture - mean[:, None, None]) * scale[:, None, None]).astype(np.float32)


def stretched(picture):
    """The same as crates/emotiond-core/src/levels.rs: maps the 5th and 95th percentile within the disc to fixed values."""
    side = picture.shape[-1]
    y, x = np.mgrid[:side, :side] + 0.5 - side / 2
    low, high = np.percentile(picture[0][x * x + y * y < side * side / 4], [5, 95])
    gain = 180.0 / max(high - low, 12.0)
    return (picture - (low + high) / 2) * gain + 127.5


class Calibration(CalibrationDataReader):
    def __init__(self, name, pictures):
        self.batches = iter(
            [{name: np.stack(pictures[at : at + BATCH])} for at in range(0, len(pictures), BATCH)]
        )

    def get_next(self):
        return next(self.batches, None)


def main():
    source, data, target = sys.argv[1:]
    try:
        model = onnx.load(source)
    except Exception as error:  # onnx names no class of errors
        sys.exit(f"quantize: {source} is no ONNX model ({error}): give a model that `emotiond-train fit` wrote")
    described = {entry.key: entry.value for entry in model.metadata_props}
    if missing := [key for key in NEEDED if key not in described]:
        sys.exit(f"quantize: {source} does not say its {missing[0]}: give a model that `emotiond-train fit` wrote")
    pictures = [prepared(picture, described) for picture in training_pictures(data)]
    with tempfile.TemporaryDirectory() as folder:
        plain, whole = str(Path(folder) / "plain.onnx"), str(Path(folder) / "quantised.onnx")
        quant_pre_process(source, plain, skip_symbolic_shape=True)
        quantize_static(
            plain,
            whole,
            Calibration(model.graph.input[0].name, pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            # The last operations stay in floats: with 8 bits, there would be only 256 probabilities, which do not sum
            # to 1.
            op_types_to_quantize=["Add", "Conv", "GlobalAveragePool", "MaxPool", "Relu"],
            # 7 bits, because processors without VNNI add two products in 16 bits, which would overflow with 8 bits.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        quantised = onnx.load(whole)
    del quantised.metadata_props[:]
    # Measure the new accuracy with `emotiond-train eval`.
    described.pop("emotiond.accuracy", None)
    for key, value in described.items():
        quantised.metadata_props.add(key=key, value=value)
    try:
        onnx.save(quantised, target)
    except OSError as error:
        sys.exit(f"quantize: {target} cannot be written: {error.strerror}")
    print(f"quantize: wrote {target}, {Path(target).stat().st_size} bytes; it was {Path(source).stat().st_size}")


main()
