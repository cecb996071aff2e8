"""Makes the tiny networks beside this file: `python3 tests/data/make_models.py` (needs PyPI's `onnx` and `numpy`).

Each is GlobalAveragePool -> Flatten -> Gemm -> Softmax with fixed weights, so that its answer depends on how bright
the crop is and on nothing else. The files differ in what is wrong with them; `tiny.onnx` is right.
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, load, numpy_helper, save

HERE = Path(__file__).parent
LABELS = "angry disgust fear happy sad surprise neutral"


def write(name, side=48, classes=7, said_classes=None, softmax=True, metadata=True, labels=LABELS, bright_is_nan=False):
    """`said_classes` is what the file declares as its output's width: a number, or a name for "any". `bright_is_nan`: crops
    with a pixel brighter than 0.6 give no numbers."""
    weights = np.linspace(-1, 1, classes, dtype=np.float32).reshape(1, classes)
    bias = np.array([0.1 * (i % 3) for i in range(classes)], dtype=np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits" if softmax else "output"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["soft" if bright_is_nan else "output"], axis=1))
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")]
    if bright_is_nan:
        # The logarithm of a negative number is not a number; of others, it is multiplied by 0.
        nodes += [
            helper.make_node("GlobalMaxPool", ["input"], ["brightest"]),
            helper.make_node("Flatten", ["brightest"], ["flat_brightest"]),
            helper.make_node("Sub", ["limit", "flat_brightest"], ["below"]),
            helper.make_node("Log", ["below"], ["log"]),
            helper.make_node("Mul", ["log", "zero"], ["nothing"]),
            helper.make_node("Add", ["soft", "nothing"], ["output"]),
        ]
        numbers = {"limit": 0.6, "zero": 0.0}
        constants += [numpy_helper.from_array(np.float32([[value]]), name) for name, value in numbers.items()]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, side, side])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", said_classes or classes])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if metadata:
        keys = {"labels": labels, "color": "gray", "size": "48", "mean": "127.5", "scale": "0.00784313725490196"}
        helper.set_model_props(model, {f"emotiond.{key}": value for key, value in keys.items()})
    checker.check_model(model)
    save(model, HERE / name)


def write_loop(name):
    """As `tiny.onnx`, but crops with a pixel brighter than 0.6 are computed for years."""
    model = load(HERE / "tiny.onnx")
    graph = model.graph
    graph.node[-1].output[0] = "soft"
    value = lambda name, kind, shape=(): helper.make_tensor_value_info(name, kind, shape)
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["goes_on"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "body",
        [value("step", TensorProto.INT64), value("go_on", TensorProto.BOOL), value("before", TensorProto.FLOAT, ["N", 7])],
        [value("goes_on", TensorProto.BOOL), value("after", TensorProto.FLOAT, ["N", 7])],
    )
    graph.node.extend([
        helper.make_node("ReduceMax", ["input"], ["brightest"], keepdims=0),
        helper.make_node("Greater", ["brightest", "limit"], ["is_bright"]),
        helper.make_node("Where", ["is_bright", "years", "once"], ["steps"]),
        helper.make_node("Loop", ["steps", "", "soft"], ["output"], body=body),
    ])
    constants = {"limit": np.float32(0.6), "years": np.int64(10**15), "once": np.int64(1)}
    graph.initializer.extend(numpy_helper.from_array(np.array(value), name) for name, value in constants.items())
    checker.check_model(model)
    save(model, HERE / name)


write("tiny.onnx")
write("input_64.onnx", side=64)
write("classes_6.onnx", classes=6)
write("classes_6_unsaid.onnx", classes=6, said_classes="c")
write("classes_8_unsaid.onnx", classes=8, said_classes="c")
write("logits.onnx", softmax=False)
write("no_metadata.onnx", metadata=False)
write("same_labels.onnx", labels=LABELS.replace("sad", "happy"))
write("bright_is_nan.onnx", bright_is_nan=True)
write_loop("bright_takes_years.onnx")
