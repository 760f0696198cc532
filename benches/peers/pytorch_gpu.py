"""The workloads of gpu.sh in PyTorch: eager, CUDA, the same precision, and TF32 off for f32. Only those that need torchvision import it:
where it does not fit torch, the others are measured."""

import torch
import torch.nn.functional as F

import server
from gpu_rows import BATCH, CONVS, ROWS

DEVICE = torch.device("cuda")
TIMES = {row.name: row.times for row in ROWS}


def repeated(name, work):
    """The work as often as ours, and then waited for."""

    def run():
        for _ in range(TIMES[name]):
            work()
        torch.cuda.synchronize()

    return run


def kernel(name, shape, function, dtype=torch.float32):
    def prepare():
        x = torch.randn(shape, device=DEVICE).to(dtype)
        return repeated(name, lambda: function(x))

    return prepare


def pair(name, function):
    def prepare():
        x, y = torch.randn(2, 2**26, device=DEVICE)
        return repeated(name, lambda: function(x, y))

    return prepare


def chain(x, y):
    return torch.relu(x * 1.5 + 0.5) + y


def conv(name, channels, filters, side, kernel, stride):
    def prepare():
        x = torch.randn(BATCH, channels, side, side, device=DEVICE)
        weight = torch.randn(filters, channels, kernel, kernel, device=DEVICE)
        return repeated(f"gpu_conv_{name}", lambda: F.conv2d(x, weight, stride=stride, padding=kernel // 2))

    return prepare


def resnet50(batch):
    def prepare():
        import torchvision

        model = torchvision.models.resnet50(weights=None).eval().to(DEVICE)
        x = torch.randn(batch, 3, 224, 224, device=DEVICE)

        def work():
            with torch.no_grad():
                model(x)

        return repeated(f"gpu_resnet50_b{batch}", work)

    return prepare


def resnet18():
    import torchvision

    return torchvision.models.resnet18(weights=None)


def keras_mnist():
    import pytorch

    return pytorch.keras_mnist()


def train(name, model, optimizer, shape, classes):
    def prepare():
        import pytorch

        network = model().train().to(DEVICE)
        step = pytorch.training_step(network, optimizer(network.parameters()), torch.randn(shape, device=DEVICE), classes)
        return repeated(name, step)

    return prepare


WORKLOADS = {
    "gpu_copy_64M": kernel("gpu_copy_64M", (2**26,), lambda x: -x),
    "gpu_add_64M": pair("gpu_add_64M", lambda x, y: x + y),
    "gpu_chain_64M": pair("gpu_chain_64M", chain),
    # Eager PyTorch computes each operation by itself in any case.
    "gpu_chain_apart_64M": pair("gpu_chain_apart_64M", chain),
    "gpu_softmax": kernel("gpu_softmax", (16_384, 4096), lambda x: x.softmax(-1)),
    "gpu_layer_norm": kernel("gpu_layer_norm", (16_384, 4096), lambda x: F.layer_norm(x, (4096,))),
    "gpu_matmul_f32": kernel("gpu_matmul_f32", (4096, 4096), lambda x: x @ x),
    "gpu_matmul_f16": kernel("gpu_matmul_f16", (4096, 4096), lambda x: x @ x, torch.float16),
    **{f"gpu_conv_{options[0]}": conv(*options) for options in CONVS},
    **{f"gpu_resnet50_b{batch}": resnet50(batch) for batch in (1, 16, 64)},
    "gpu_train_resnet18_b64": train(
        "gpu_train_resnet18_b64",
        resnet18,
        lambda parameters: torch.optim.SGD(parameters, 0.01, momentum=0.9),
        (64, 3, 224, 224),
        1000,
    ),
    "gpu_train_mnist_b64": train(
        "gpu_train_mnist_b64",
        keras_mnist,
        lambda parameters: torch.optim.RMSprop(parameters, 1e-3, alpha=0.9, eps=1e-7),
        (64, 1, 28, 28),
        10,
    ),
}

if __name__ == "__main__":
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    server.main(WORKLOADS)
