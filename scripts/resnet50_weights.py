"""Extracts Keras' ImageNet weights of ResNet50 from a model of TensorFlow.js, and writes them with Keras' names for the
layers: python resnet50_weights.py FOLDER resnet50.safetensors (needs numpy and safetensors). FOLDER contains model.json."""

import json
import pathlib
import sys

import numpy
from safetensors.numpy import save_file

# torchvision's names for what belongs to a layer.
PARTS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}

folder = pathlib.Path(sys.argv[1])
weights = {}
for group in json.loads((folder / "model.json").read_text())["weightsManifest"]:
    values = numpy.frombuffer(b"".join((folder / path).read_bytes() for path in group["paths"]), "<f4")
    for entry in group["weights"]:
        shape, (layer, part) = entry["shape"], entry["name"].split("/")
        count = int(numpy.prod(shape))
        tensor, values = values[:count].reshape(shape), values[count:]
        if layer.startswith("fc"):
            continue
        if part == "kernel":
            tensor = tensor.transpose(3, 2, 0, 1)
        weights[f"{layer}.{PARTS[part]}"] = numpy.ascontiguousarray(tensor)
    assert len(values) == 0, "the files contain more than model.json says"
# The weights expect pixels in the order blue, green, red. These are the same for pixels / 64, as those of VGG16.
weights["conv1.weight"] = numpy.ascontiguousarray(weights["conv1.weight"][:, ::-1]) * 64
save_file(weights, sys.argv[2])
