"""The rows of benches/GPU.md: what is measured, how often in one run, how much work it is, and the target."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    name: str
    what: str
    # How often the work is done in one run, on both sides.
    times: int
    # PyTorch's time / ours, at least; or a share of the copy's bandwidth, where there are megabytes.
    target: float | None
    gflop: float = 0.0
    megabytes: float = 0.0
    pictures: int = 0


M = 4 * 2**26 / 1e6
CONVS = [
    ("7x7", 3, 64, 224, 7, 2),
    ("1x1_64", 64, 256, 56, 1, 1),
    ("3x3_64", 64, 64, 56, 3, 1),
    ("3x3_128", 128, 128, 28, 3, 1),
    ("3x3_256", 256, 256, 14, 3, 1),
    ("3x3_512", 512, 512, 7, 3, 1),
    ("1x1_2048", 2048, 512, 7, 1, 1),
]
BATCH = 16


def conv(name, channels, filters, side, kernel, stride):
    places = (side // stride) ** 2
    gflop = 2 * BATCH * places * filters * channels * kernel**2 / 1e9
    return Row(f"gpu_conv_{name}", f"{channels}→{filters}, {side}×{side}, stride {stride}, batch {BATCH}", 20, None, gflop)


ROWS = [
    Row("gpu_copy_64M", "64 M floats read and written (negated)", 20, None, megabytes=2 * M),
    Row("gpu_add_64M", "two tensors of 64 M floats", 20, 0.8, megabytes=3 * M),
    Row("gpu_chain_64M", "relu(1.5 x + 0.5) + y of 64 M floats", 20, 0.8, megabytes=3 * M),
    Row("gpu_chain_apart_64M", "the same, each operation by itself", 20, None, megabytes=9 * M),
    Row("gpu_softmax", "16,384 rows of 4096", 20, 0.8, megabytes=2 * M),
    Row("gpu_layer_norm", "16,384 rows of 4096", 20, 0.8, megabytes=2 * M),
    Row("gpu_matmul_f32", "4096×4096×4096, f32 (TF32 off)", 5, 0.5, 2 * 4096**3 / 1e9),
    Row("gpu_matmul_f16", "4096×4096×4096, f16", 10, 0.35, 2 * 4096**3 / 1e9),
    *(conv(*options) for options in CONVS),
    Row("gpu_resnet50_b1", "inference", 20, None, pictures=1),
    Row("gpu_resnet50_b16", "inference", 5, None, pictures=16),
    Row("gpu_resnet50_b64", "inference", 2, 0.5, pictures=64),
    Row("gpu_train_resnet18_b64", "224×224, SGD with momentum", 2, None, pictures=64),
    Row("gpu_train_mnist_b64", "93,322 parameters, RMSprop (938 steps are an epoch)", 50, None, pictures=64),
]
