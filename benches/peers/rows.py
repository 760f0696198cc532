"""The rows of the comparison: what is measured against whom, with which target, and how much work it is."""

import os
from dataclasses import dataclass
from pathlib import Path

# Where real data sets lie: what needs one is skipped where it is absent.
DATA = Path(os.environ.get("OCELLI_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data")


@dataclass(frozen=True)
class Row:
    name: str
    what: str
    peer: str
    # The largest allowed ratio of our time to the peer's.
    target: float
    # Billions of floating-point operations, a multiply-add counted as two, convolutions as if computed directly.
    gflop: float = 0.0
    # Millions of bytes that must be read or written at least.
    megabytes: float = 0.0
    # The data set that it reads.
    data: str = ""

    @property
    def is_skipped(self):
        return bool(self.data) and not (DATA / self.data).is_dir()

    @property
    def peer_workload(self):
        return self.name.replace("matmul", "fma") if self.peer == "FMA peak" else self.name


def megabytes(*floats):
    return sum(floats) * 4 / 1e6


PICTURE = 56 * 56
# The features of 1,000 regions, and the map that they are read from.
REGIONS = 1000 * 256 * 7 * 7, 256 * 50 * 50

# Category, box and area or score of each object and detection, of eight bytes.
DETECTED = megabytes(5_000 * (7 + 36) * 6 * 2)

# What the loaders write, and the files that they and the reader of COCO's format read.
LOADED = megabytes(364 * 3 * 224**2) + 7.6
SMALL = megabytes(10_000 * 3 * 32**2 * 5 / 4)
ANNOTATIONS = 46.8

ROWS = [
    Row("matmul_1024", "1024×1024×1024", "FMA peak", 1.18, 2.147, megabytes(3 * 1024**2)),
    Row("matmul_2048", "2048×2048×2048", "FMA peak", 1.18, 17.18, megabytes(3 * 2048**2)),
    Row("conv3x3", "64→64, 56×56, batch 8", "PyTorch", 0.8, 1.850, megabytes(2 * 8 * 64 * PICTURE)),
    Row("conv1x1", "256→64, 56×56, batch 8", "PyTorch", 0.9, 0.822, megabytes(8 * (256 + 64) * PICTURE)),
    Row("depthwise3x3", "144 channels, 56×56, batch 8", "PyTorch", 1.0, 0.065, megabytes(2 * 8 * 144 * PICTURE)),
    Row("conv7x7", "stride 2, 3→64, 224×224, batch 8", "PyTorch", 0.8, 1.888, megabytes(8 * (3 * 224**2 + 64 * 112**2))),
    Row("max_pool", "3×3 stride 2, 64×112×112, batch 8", "PyTorch", 0.2, 0.0, megabytes(8 * 64 * (112**2 + PICTURE))),
    # The mean must be known before the first output: the input is read twice.
    Row("batch_norm", "training, 16×64×56×56", "PyTorch", 0.8, 0.0, megabytes(3 * 16 * 64 * PICTURE)),
    Row("add", "two tensors of 16 M floats", "PyTorch", 0.5, 0.017, megabytes(3 * 2**24)),
    Row("train_mnist", "93,322 parameters, batch 64, RMSprop", "PyTorch", 0.45, 1.048),
    Row("train_resnet18", "16×3×112×112, SGD momentum", "PyTorch", 0.9, 45.65),
    Row("lstm", "128→256, 64 steps, batch 32, forward", "PyTorch", 1.0, 1.611),
    Row("nms_1k", "IoU above 0.5, 1,000 spread boxes", "PyTorch", 0.05, 0.0, megabytes(5 * 1_000)),
    Row("nms_10k", "IoU above 0.5, 10,000 spread boxes", "PyTorch", 0.05, 0.0, megabytes(5 * 10_000)),
    Row("nms_100k", "IoU above 0.5, 100,000 spread boxes", "PyTorch", 0.05, 0.0, megabytes(5 * 100_000)),
    Row("nms_10k_clustered", "10,000 boxes around 50 objects", "PyTorch", 1.0, 0.0, megabytes(5 * 10_000)),
    Row("batched_nms_10k_80", "10,000 spread boxes of 80 classes", "PyTorch", 0.5, 0.0, megabytes(6 * 10_000)),
    Row("iou_5000x5000", "of all pairs", "PyTorch", 0.3, 0.0, megabytes(5_000**2)),
    Row("roi_align_1000x256_7x7", "1,000 boxes, 256×50×50, 2×2 samples", "PyTorch", 0.3, 0.0, megabytes(*REGIONS)),
    Row("roi_align_backward_1000x256_7x7", "its gradient", "PyTorch", 0.5, 0.0, megabytes(*REGIONS)),
    Row("coco_eval_5000x36", "boxes of 5,000 pictures with 36 detections each", "pycocotools", 0.1, 0.0, DETECTED),
    Row("coco_parse", "a file of 100,000 annotations with outlines", "pycocotools", 0.2, 0.0, ANNOTATIONS),
    Row("loader_jpeg_224", "364 JPEGs of 640×480 to 256, middle of 224, normalized", "torchvision", 0.4, 0.0, LOADED, "bccd"),
    Row("loader_train_224", "they, random pieces to 224, flipped, jittered", "torchvision", 0.35, 0.0, LOADED, "bccd"),
    Row("loader_cifar", "10,000 of 32×32, moved, flipped, normalized", "torchvision", 0.1, 0.0, SMALL, "cifar10"),
    Row("infer_resnet18_b1", "224×224, batch 1", "ONNX Runtime", 1.0, 3.628, 46.8),
    Row("infer_resnet50_b1", "224×224, batch 1", "ONNX Runtime", 1.0, 8.178, 102.2),
    Row("infer_resnet50_b8", "224×224, batch 8", "ONNX Runtime", 1.0, 8 * 8.178, 102.2),
    Row("infer_mobilenet_v2_b1", "224×224, batch 1", "ONNX Runtime", 1.1, 0.602, 14.0),
    Row("infer_vgg16_b1", "224×224, batch 1", "ONNX Runtime", 0.9, 30.96, 553.4),
]
