"""The workloads in PyTorch: kernels and training steps as a user writes them, float32, row-major."""

import functools

import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import server


def kernel(function, *shapes, **options):
    """A function of random tensors."""

    def prepare():
        tensors = [torch.randn(shape) for shape in shapes]
        return lambda: function(*tensors, **options)

    return prepare


def batch_norm():
    layer = nn.BatchNorm2d(64).train()
    x = torch.randn(16, 64, 56, 56)
    return lambda: layer(x)


def lstm():
    layer = nn.LSTM(128, 256, batch_first=True)
    x = torch.randn(32, 64, 128)

    def work():
        with torch.no_grad():
            layer(x)

    return work


def roi_align(backward=False):
    """1,000 boxes of 16 to 200 pixels in a picture of 800, whose map is 16 times smaller, torchvision's `roi_align`."""

    def prepare():
        x = torch.randn(1, 256, 50, 50, requires_grad=backward)
        corner = torch.rand(1000, 2) * 600
        rois = torch.cat([torch.zeros(1000, 1), corner, corner + 16 + torch.rand(1000, 2) * 184], 1)
        forward = functools.partial(torchvision.ops.roi_align, x, rois, 7, 1 / 16, 2, True)
        if not backward:
            return forward
        y = forward()
        dy = torch.randn_like(y)
        return lambda: torch.autograd.grad(y, x, dy, retain_graph=True)

    return prepare


def training_step(model, optimizer, x, classes):
    y = torch.randint(0, classes, (len(x),), device=x.device)

    def work():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return work


def keras_mnist():
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10)),
    )
    assert sum(p.numel() for p in model.parameters()) == 93_322
    return model


def train_mnist():
    model = keras_mnist()
    optimizer = torch.optim.RMSprop(model.parameters(), 1e-3, alpha=0.9, eps=1e-7)
    return training_step(model, optimizer, torch.randn(64, 1, 28, 28), 10)


def train_resnet18():
    model = torchvision.models.resnet18(weights=None).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    return training_step(model, optimizer, torch.randn(16, 3, 112, 112), 1000)


def spread_boxes(count):
    """Corners in 0..1000, sides of 1 to 101, and scores."""
    corner, size = torch.rand(count, 2) * 1000, torch.rand(count, 2) * 100 + 1
    return torch.cat([corner, corner + size], 1), torch.rand(count)


def clustered_boxes(count):
    """Around 50 objects with sides of 20 to 170, and scores."""
    corners, sizes, objects = torch.rand(50, 2) * 1000, torch.rand(50, 2) * 150 + 20, torch.randint(50, (count,))
    size = sizes[objects]
    corner = corners[objects] + 0.1 * torch.randn(count, 2) * size
    return torch.cat([corner, corner + (0.1 * torch.randn(count, 2)).exp() * size], 1), torch.rand(count)


def nms(make, count):
    def prepare():
        boxes, scores = make(count)
        return lambda: torchvision.ops.nms(boxes, scores, 0.5)

    return prepare


def batched_nms():
    boxes, scores = spread_boxes(10_000)
    classes = torch.randint(80, (10_000,))
    return lambda: torchvision.ops.batched_nms(boxes, scores, classes, 0.5)


def iou():
    boxes, _ = spread_boxes(5_000)
    return lambda: torchvision.ops.box_iou(boxes, boxes)


WORKLOADS = {
    # The peer of these two is the FMA peak; they are here for whoever wants to look.
    "matmul_1024": kernel(torch.matmul, (1024, 1024), (1024, 1024)),
    "matmul_2048": kernel(torch.matmul, (2048, 2048), (2048, 2048)),
    "conv3x3": kernel(F.conv2d, (8, 64, 56, 56), (64, 64, 3, 3), padding=1),
    "conv1x1": kernel(F.conv2d, (8, 256, 56, 56), (64, 256, 1, 1)),
    "depthwise3x3": kernel(F.conv2d, (8, 144, 56, 56), (144, 1, 3, 3), padding=1, groups=144),
    "conv7x7": kernel(F.conv2d, (8, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3),
    "max_pool": kernel(F.max_pool2d, (8, 64, 112, 112), kernel_size=3, stride=2, padding=1),
    "batch_norm": batch_norm,
    "add": kernel(torch.add, 1 << 24, 1 << 24),
    "train_mnist": train_mnist,
    "train_resnet18": train_resnet18,
    "lstm": lstm,
    "nms_1k": nms(spread_boxes, 1_000),
    "nms_10k": nms(spread_boxes, 10_000),
    "nms_100k": nms(spread_boxes, 100_000),
    "nms_10k_clustered": nms(clustered_boxes, 10_000),
    "batched_nms_10k_80": batched_nms,
    "iou_5000x5000": iou,
    "roi_align_1000x256_7x7": roi_align(),
    "roi_align_backward_1000x256_7x7": roi_align(backward=True),
}


def warm_heap():
    """Frees a large block, after which the C library keeps freed memory for the next tensor instead of returning it to the system.

    A process that has run a network is in that state; without it, page faults slow some kernels by half.
    """
    torch.empty(6 << 20)


if __name__ == "__main__":
    torch.manual_seed(0)
    warm_heap()
    torch.set_num_threads(server.THREADS)
    server.main(WORKLOADS)
