"""Writes the expected values for tests/it/pretrained.rs: for each network of torchvision, timm and Keras its keys, shapes and
some features. The weights and the picture are computed from their names, in the same way here and in the test.

Needs torch, torchvision and timm (written with 2.9.1, 0.24.1 and 1.0.22, on the CPU):

    python tests/data/backbones/generate.py
"""

import json
import math
import os
import pathlib
import pickle

import numpy
import timm
import torch
import torchvision

HERE = pathlib.Path(__file__).parent
SIDE = 64
PLACES = 200
# Larger tensors belong to the head, which is not read.
LARGEST = 5_000_000


def uniform(name: str, count: int) -> numpy.ndarray:
    """Numbers from -1 to 1: FNV-1a of the name, then a mix of 32 bits of each place."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    x = (seed + numpy.arange(count, dtype=numpy.uint64) * 0x9E3779B9).astype(numpy.uint32)
    x = (x ^ x >> 16) * numpy.uint32(0x7FEB352D)
    x = (x ^ x >> 15) * numpy.uint32(0x846CA68B)
    x ^= x >> 16
    return (x >> 8).astype(numpy.float64) / (1 << 23) - 1.0


def weights(key: str, shape: list[int]) -> numpy.ndarray:
    values = uniform(key, math.prod(shape))
    if key.endswith("num_batches_tracked"):
        values = values * 0
    elif key.endswith("running_var"):
        values = 1 + values / 2
    elif key.endswith(("bias", "running_mean")):
        values = values / 8
    elif len(shape) == 1:
        values = 1 + values / 4
    else:
        values = values * math.sqrt(3 / math.prod(shape[1:]))
    return values.astype(numpy.float32).reshape(shape)


def features(name: str, model: torch.nn.Module, forward, rename=lambda key: key) -> None:
    model.eval()
    state = {key: value for key, value in model.state_dict().items() if value.numel() < LARGEST}
    shapes = {rename(key): list(value.shape) for key, value in state.items()}
    loaded = {
        key: torch.from_numpy(weights(rename(key), list(value.shape))).to(value.dtype) for key, value in state.items()
    }
    model.load_state_dict(loaded, strict=False)
    picture = torch.from_numpy(uniform("picture", 3 * SIDE * SIDE).astype(numpy.float32)).reshape(1, 3, SIDE, SIDE)
    with torch.no_grad():
        maps = forward(model, picture)
    values = maps.flatten().double()
    print(f"{name}: {list(maps.shape)}, {values.min():.3g} to {values.max():.3g}, deviation {values.std():.3g}")
    chosen = [values[place * 7919 % len(values)].item() for place in range(PLACES)]
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(shape)}" for key, shape in shapes.items())
    numbers = ", ".join(f"{value:.7g}" for value in chosen)
    (HERE / f"{name}.json").write_text(
        f'{{"shape": {list(maps.shape)},\n "features": [{numbers}],\n "tensors": {{\n{lines}\n}}}}\n'
    )


def resnet(model, x):
    x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
    return model.layer4(model.layer3(model.layer2(model.layer1(x))))


def keras_resnet50() -> torch.nn.Module:
    """torchvision's with the strides, the biases and the epsilon of Keras."""
    model = torchvision.models.resnet50()
    for layer in (model.layer2, model.layer3, model.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.bias = torch.nn.Parameter(torch.zeros(module.out_channels))
        elif isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-3
    return model


def keras_name(key: str) -> str:
    """Keras' name for a layer of torchvision's ResNet50: res2a_branch2b for layer1.0.conv2."""
    if not key.startswith("layer"):
        return key.replace("bn1.", "bn_conv1.")
    stage, block, kind, *rest = key.split(".")
    if kind == "downsample":
        place, kind = "1", ("conv", "bn")[int(rest.pop(0))]
    else:
        kind, place = kind[:-1], "2" + " abc"[int(kind[-1])]
    layer = f"{int(stage[-1]) + 1}{'abcdef'[int(block)]}_branch{place}"
    return ".".join([("res" if kind == "conv" else "bn") + layer, *rest])


class Call:
    """The call that a pickle of this object contains."""

    def __reduce__(self):
        return os.system, ("echo run",)


def files() -> None:
    """Small files for the reader: a nested state_dict of several types, and two pickles that would run code."""
    tensor = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    state = {"a.weight": tensor, "a.half": tensor.half(), "a.turned": tensor.t(), "a.count": torch.tensor(7)}
    torch.save({"epoch": 3, "state_dict": state}, HERE / "nested.pth")
    torch.save({"a.weight": tensor, "a.call": Call()}, HERE / "call.pth")
    (HERE / "call.pickle").write_bytes(pickle.dumps({"a": [Call()]}, protocol=2))


def main() -> None:
    models = torchvision.models
    plain = lambda model, x: model.features(x)
    features("vgg16-torchvision", models.vgg16(), plain)
    features("resnet50-torchvision", models.resnet50(), resnet)
    features("resnet50-keras", keras_resnet50(), resnet, keras_name)
    features("densenet121-torchvision", models.densenet121(), lambda model, x: torch.relu(model.features(x)))
    features("efficientnet_b2-torchvision", models.efficientnet_b2(), plain)
    features("mobilenet_v2-torchvision", models.mobilenet_v2(), plain)
    through = lambda model, x: model.forward_features(x)
    for name, known in [
        ("vgg16", "vgg16"),
        ("resnet50", "resnet50"),
        ("densenet121", "densenet121"),
        ("efficientnet_b2", "efficientnet_b2"),
        ("efficientnet_lite0", "efficientnet_lite0"),
        ("mobilenet_v2", "mobilenetv2_100"),
    ]:
        features(f"{name}-timm", timm.create_model(known), through)
    files()


main()
