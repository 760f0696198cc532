"""Writes torchvision's networks with random weights to `models` in the environment: ONNX files for ONNX Runtime (one for each batch
size, as they run faster for a fixed one) and ResNet-18's weights as safetensors for ours. Files that are there stay."""

import sys
import warnings
from pathlib import Path

import torch
import torchvision
from safetensors.torch import save_file

MODELS = Path(sys.prefix) / "models"
NETWORKS = [("resnet18", 1), ("resnet50", 1), ("resnet50", 8), ("mobilenet_v2", 1), ("vgg16", 1)]


def save(path, write):
    """Calls `write` on a temporary name, so that an interrupted export leaves no half of a file."""
    if not path.exists():
        print(f"writing {path}", file=sys.stderr)
        partial = path.with_suffix(".partial")
        write(partial)
        partial.rename(path)


def main():
    warnings.simplefilter("ignore")
    MODELS.mkdir(exist_ok=True)
    for name, batch in NETWORKS:
        torch.manual_seed(0)
        network = getattr(torchvision.models, name)(weights=None).eval()
        x = torch.randn(batch, 3, 224, 224)
        options = dict(dynamo=False, opset_version=17, input_names=["x"])
        save(MODELS / f"{name}_b{batch}.onnx", lambda path: torch.onnx.export(network, (x,), str(path), **options))
        if name == "resnet18":
            save(MODELS / "resnet18.safetensors", lambda path: save_file(network.state_dict(), path))


if __name__ == "__main__":
    main()
