"""Writes the networks that bench/infer serves to a folder: models.py FOLDER. It prints a JSON line for each: its file, and the shape of an input.

Their weights are random but for PP-OCR's recogniser, which comes with the package rapidocr-onnxruntime of PyPI: what is computed is of the same
size.
"""

import importlib.util
import json
import pathlib
import shutil
import sys

import torch
import torchvision

folder = pathlib.Path(sys.argv[1])
torch.manual_seed(1)


def say(name, shape):
    print(json.dumps({"file": str(folder / f"{name}.onnx"), "shape": shape}), flush=True)


def write(name, net, shape):
    net.eval()
    torch.onnx.export(
        net, (torch.randn(shape),), str(folder / f"{name}.onnx"), input_names=["x"], output_names=["y"], opset_version=17,
        dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}}, dynamo=False,
    )
    say(name, shape)


resnet = torchvision.models.resnet18(weights=None)
resnet.fc = torch.nn.Identity()  # an encoder: 512 numbers of a picture
write("resnet18", resnet, [1, 3, 224, 224])
for name, width in [("mlp512", 512), ("mlp4096", 4096)]:  # of 0.7 and of 20 million weights
    mlp = torch.nn.Sequential(
        torch.nn.Linear(784, width), torch.nn.ReLU(), torch.nn.Linear(width, width), torch.nn.ReLU(), torch.nn.Linear(width, 64)
    )
    write(name, mlp, [1, 784])
found = importlib.util.find_spec("rapidocr_onnxruntime")
if found is None:
    print("models.py: without rapidocr-onnxruntime, PP-OCR is left out", file=sys.stderr)
else:
    of = pathlib.Path(found.submodule_search_locations[0], "models", "ch_PP-OCRv4_rec_infer.onnx")
    shutil.copy(of, folder / "ppocr.onnx")
    say("ppocr", [1, 3, 48, 320])
