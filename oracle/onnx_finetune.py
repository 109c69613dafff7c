"""Trains networks a few steps by PyTorch, from weights that it also writes in the ONNX format: the same steps are then taken from the file.

python oracle/onnx_finetune.py writes engine/onnx/testdata/finetune.onnx and finetune.json, of a small network.
python oracle/onnx_finetune.py DIR writes resnet18.onnx and resnet18.json, of torchvision's ResNet-18, for ONNX_FINETUNE=DIR. Its blocks begin as
identities (zero_init_residual): from other random weights rounding decides on the losses after a few steps, in PyTorch itself.
It needs torch and onnx; the second needs torchvision.
"""

import json
import os
import sys

import torch

STEPS, MOMENTUM, CLASSES = 20, 0.9, 10


class Block(torch.nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(after)
        self.conv2 = torch.nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(after)
        self.down = torch.nn.Sequential(torch.nn.Conv2d(before, after, 1, stride, bias=False), torch.nn.BatchNorm2d(after))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + self.down(x))


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(8)
        self.pool = torch.nn.MaxPool2d(3, 2, 1)
        self.layer1 = Block(8, 8, 1)
        self.layer2 = Block(8, 16, 2)
        self.fc = torch.nn.Linear(16, CLASSES)

    def forward(self, x):
        x = self.layer2(self.layer1(self.pool(torch.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


def scattered(k):
    return (k * k * 31 + k * 7919 + 17) % 1009 % 129 - 64


def pictures(step, batch, side):
    """Pictures of different brightness, slopes and noise, in numbers that whoever takes the steps again computes exactly.

    Where pictures are alike but for noise, a network of random weights makes so much of the noise that rounding decides on the losses.
    """
    plane = (step * batch + torch.arange(batch).reshape(-1, 1, 1, 1)) * 3 + torch.arange(3).reshape(1, 3, 1, 1)
    row, column = torch.arange(side).reshape(1, 1, side, 1), torch.arange(side).reshape(1, 1, 1, side)
    smooth = side * scattered(plane) + scattered(plane + 336) * row + scattered(plane + 777) * column
    noise = scattered((plane * side + row) * side + column)
    return (smooth + side // 4 * noise).to(torch.float32) / (64 * side)


def train(network, path, batch, side, rate):
    torch.onnx.export(
        network, (pictures(0, batch, side),), path + ".onnx", input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
        opset_version=17, dynamo=False, do_constant_folding=False, training=torch.onnx.TrainingMode.TRAINING)
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), rate, MOMENTUM)
    losses = []
    for step in range(STEPS):
        x = pictures(step, batch, side)
        labels = torch.arange(batch) * 3 % CLASSES
        loss = torch.nn.functional.cross_entropy(network(x), labels)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        scores = network(pictures(STEPS, batch, side)).tolist()
    with open(path + ".json", "w") as f:
        json.dump({"batch": batch, "side": side, "rate": rate, "momentum": MOMENTUM, "losses": losses, "scores": scores}, f)
        f.write("\n")


def main():
    torch.manual_seed(0)
    if len(sys.argv) == 1:
        train(Small(), os.path.join(os.path.dirname(__file__), "..", "engine", "onnx", "testdata", "finetune"), 4, 15, 0.02)
    elif len(sys.argv) == 2:
        import torchvision

        network = torchvision.models.resnet18(weights=None, num_classes=CLASSES, zero_init_residual=True)
        train(network, os.path.join(sys.argv[1], "resnet18"), 8, 96, 1e-3)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
