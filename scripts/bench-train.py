"""Measures the training speed of PyTorch on random pictures: bench-train.py NETWORK BATCH SECONDS."""

import sys
import time

import torch
import torchvision.models
from torch import nn


class Module(nn.Module):
    """mini-Xception's residual module."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, groups=outputs, bias=False),
            nn.Conv2d(outputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.MaxPool2d(3, 2, padding=1),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.main(x) + self.shortcut(x)


def conv(inputs, outputs, bias, **options):
    return [nn.Conv2d(inputs, outputs, 3, bias=bias, **options), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def mini_xception():
    return nn.Sequential(
        *conv(1, 8, False),
        *conv(8, 8, False),
        Module(8, 16),
        Module(16, 32),
        Module(32, 64),
        Module(64, 128),
        nn.Conv2d(128, 7, 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def cnn_32_64_128():
    return nn.Sequential(
        *conv(1, 32, True),
        *conv(32, 32, True),
        nn.MaxPool2d(2),
        *conv(32, 64, True),
        *conv(64, 64, True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 9 * 9, 128),
        nn.BatchNorm1d(128),
        nn.ReLU(inplace=True),
        nn.Linear(128, 7),
    )


def vgg16_small():
    layers, inputs = [], 1
    for stage in [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]:
        for outputs in stage:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = outputs
        layers.append(nn.MaxPool2d(2))
    head = [nn.Linear(512, 128), nn.ReLU(inplace=True), nn.BatchNorm1d(128), nn.Linear(128, 7)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head)


# The network's function and the channels of its pictures; torchvision's networks have the heads of ImageNet.
NETWORKS = {
    "mini_xception": (mini_xception, 1),
    "cnn_32_64_128": (cnn_32_64_128, 1),
    "vgg16_small": (vgg16_small, 1),
    "resnet50": (lambda: torchvision.models.resnet50(num_classes=7), 3),
    "densenet121_flat": (lambda: torchvision.models.densenet121(num_classes=7), 3),
    "efficientnet_b2": (lambda: torchvision.models.efficientnet_b2(num_classes=7), 3),
}


def main():
    name, batch, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    build, channels = NETWORKS[name]
    network = build()
    weights = sum(weight.numel() for weight in network.parameters())
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    x, targets = torch.randn(batch, channels, 48, 48), torch.softmax(torch.randn(batch, 7), 1)
    steps, start = 0, time.perf_counter()
    while True:
        loss = nn.functional.cross_entropy(network(x), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
        if steps == 3:
            # The first steps warm up the caches and the allocator.
            start = time.perf_counter()
        if steps > 3 and time.perf_counter() - start >= seconds:
            break
    speed = (steps - 3) * batch / (time.perf_counter() - start)
    print(f"{name}, {weights} weights, batch {batch}, PyTorch {torch.__version__}: {speed:.0f} images/s on {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
