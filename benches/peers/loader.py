"""Loading and augmentation by torchvision's transforms (v2) on Pillow's pictures, in two worker processes that stay between epochs."""

import gzip

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

import server
from rows import DATA

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class Files(Dataset):
    """The JPEG files of a folder, all of one class."""

    def __init__(self, folder, change):
        self.files = sorted(folder.glob("*.jpg"))
        self.change = change

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        with Image.open(self.files[index]) as picture:
            return self.change(picture.convert("RGB")), 0


class Records(Dataset):
    """CIFAR-10 in memory, made a picture of Pillow for each sample as torchvision's own data set does."""

    def __init__(self, file, change):
        records = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8).reshape(-1, 3073)
        self.classes = records[:, 0].tolist()
        self.pictures = np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.change = change

    def __len__(self):
        return len(self.classes)

    def __getitem__(self, index):
        return self.change(Image.fromarray(self.pictures[index])), self.classes[index]


def normalized(moments, *changes):
    """The changes, then floats of mean 0 and standard deviation 1."""
    return v2.Compose([*changes, v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(*moments)])


def epochs(data, batch):
    loader = DataLoader(data, batch, shuffle=True, num_workers=server.THREADS, persistent_workers=True)

    def work():
        for _ in loader:
            pass

    return work


def jpeg_224():
    change = normalized(IMAGENET, v2.Resize(256), v2.CenterCrop(224))
    return epochs(Files(DATA / "bccd" / "JPEGImages", change), 32)


def train_224():
    changes = v2.RandomResizedCrop(224), v2.RandomHorizontalFlip(), v2.ColorJitter(0.4, 0.4, 0.4, 0.1)
    return epochs(Files(DATA / "bccd" / "JPEGImages", normalized(IMAGENET, *changes)), 32)


def cifar():
    change = normalized(CIFAR, v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip())
    return epochs(Records(DATA / "cifar10" / "data_batch_1.bin.gz", change), 128)


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(server.THREADS)
    server.main({"loader_jpeg_224": jpeg_224, "loader_train_224": train_224, "loader_cifar": cifar})
