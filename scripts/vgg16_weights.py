"""Extracts Keras' ImageNet weights of VGG16's convolutions from an ONNX file written by tf2onnx, and writes them with
torchvision's names: python vgg16_weights.py MODEL.onnx vgg16.safetensors (needs onnx and safetensors)."""

import sys

import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

# Indices of the convolutions in torchvision's `features`. Keras' names are block1_conv1, block1_conv2, block2_conv1
# and so on.
PLACES = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]

model = onnx.load(sys.argv[1])
values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
assert len(convolutions) == len(PLACES), f"{len(convolutions)} convolutions, VGG16 has {len(PLACES)}"

# The weights expect pixels, and their features are too large for a head with tanh. With biases divided by 64 they are the
# same network for pixels / 64, with features / 64.
SCALE = 64

weights = {}
for place, node in zip(PLACES, convolutions):
    weights[f"features.{place}.weight"] = values[node.input[1]]
    weights[f"features.{place}.bias"] = values[node.input[2]] / SCALE
# They expect the order blue, green, red.
weights["features.0.weight"] = weights["features.0.weight"][:, ::-1].copy()
save_file(weights, sys.argv[2])
