"""Writes networks in the ONNX format, with random weights, for timing: python oracle/onnx_networks.py DIR.

It needs torch, torchvision and onnx. go run ./bench -models takes the files.
"""

import os
import sys

import torch
import torchvision


class LSTM(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.LSTM(80, 256, 2, batch_first=True)

    def forward(self, x):
        return self.layers(x)[0]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(384, 6, 1536, activation="gelu", batch_first=True)
    picture = torch.randn(1, 3, 224, 224)
    for name, network, x in (
        ("resnet18", torchvision.models.resnet18(weights=None), picture),
        ("mobilenetv2", torchvision.models.mobilenet_v2(weights=None), picture),
        ("transformer", torch.nn.TransformerEncoder(layer, 6, enable_nested_tensor=False), torch.randn(1, 128, 384)),
        ("lstm", LSTM(), torch.randn(1, 100, 80)),
    ):
        torch.onnx.export(
            network.eval(), (x,), os.path.join(sys.argv[1], name + ".onnx"), input_names=["x"], output_names=["y"],
            dynamic_axes={"x": {0: "N"}, "y": {0: "N"}}, opset_version=17, dynamo=False)


if __name__ == "__main__":
    main()
