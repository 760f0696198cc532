"""Inference in ONNX Runtime, of networks that export.py has written into the environment's `models`."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

import server

MODELS = Path(sys.prefix) / "models"


def session(network):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = server.THREADS
    return onnxruntime.InferenceSession(MODELS / f"{network}.onnx", options, providers=["CPUExecutionProvider"])


def picture(batch):
    return np.random.default_rng(0).standard_normal((batch, 3, 224, 224), dtype=np.float32)


def inference(network, batch):
    def prepare():
        network_session, x = session(f"{network}_b{batch}"), picture(batch)
        return lambda: network_session.run(None, {"x": x})

    return prepare


WORKLOADS = {
    "infer_resnet18_b1": inference("resnet18", 1),
    "infer_resnet50_b1": inference("resnet50", 1),
    "infer_resnet50_b8": inference("resnet50", 8),
    "infer_mobilenet_v2_b1": inference("mobilenet_v2", 1),
    "infer_vgg16_b1": inference("vgg16", 1),
}

if __name__ == "__main__":
    if sys.argv[1:] == ["first"]:
        session("resnet18_b1").run(None, {"x": picture(1)})
        print("ready", flush=True)
    else:
        server.main(WORKLOADS)
