"""Trains networks a few steps by PyTorch, from weights that it also writes in the ONNX format: the same steps are then taken from the file.

python oracle/onnx_finetune.py writes engine/onnx/testdata/finetune.onnx and finetune.json, of a small network.
python oracle/onnx_finetune.py DIR writes resnet18.onnx and resnet18.json, of torchvision's ResNet-18, for ONNX_FINETUNE=DIR.
It needs torch and onnx; the second needs torchvision.
"""

import json
import os
import sys

import torch

STEPS, RATE, MOMENTUM, CLASSES = 20, 0.02, 0.9, 10


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


def pictures(step, batch, side):
    """Pixels that whoever takes the steps again computes the same way."""
    n = batch * 3 * side * side
    i = torch.arange(step * n, (step + 1) * n, dtype=torch.int64)
    return ((i * 7919 % 1009).to(torch.float32) / 504.5 - 1).reshape(batch, 3, side, side)


def train(network, path, batch, side):
    torch.onnx.export(
        network, (pictures(0, batch, side),), path + ".onnx", input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
        opset_version=17, dynamo=False, do_constant_folding=False, training=torch.onnx.TrainingMode.TRAINING)
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), RATE, MOMENTUM)
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
        json.dump({"batch": batch, "side": side, "rate": RATE, "momentum": MOMENTUM, "losses": losses, "scores": scores}, f)
        f.write("\n")


def main():
    torch.manual_seed(0)
    if len(sys.argv) == 1:
        train(Small(), os.path.join(os.path.dirname(__file__), "..", "engine", "onnx", "testdata", "finetune"), 4, 15)
    elif len(sys.argv) == 2:
        import torchvision

        train(torchvision.models.resnet18(weights=None, num_classes=CLASSES), os.path.join(sys.argv[1], "resnet18"), 8, 96)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
