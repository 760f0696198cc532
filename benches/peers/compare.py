"""Runs our workloads and the peers' in turn and writes the table. Called by compare.sh, which builds what is run here."""

import argparse
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import results
from rows import ROWS
from runner import Server, peak_memory, seconds_to_first_line

HERE = Path(__file__).parent
ROUNDS = 6
SECONDS = 0.7
# Threads of the side that has just run spin for a while; the other must not share its cores with them.
PAUSE = 0.1


def medians(ours, peer):
    """The medians of both programs' runs in milliseconds, measured in turn, and their peak memories in bytes."""
    with Server(ours) as ours, Server(peer) as peer:
        samples = [], []
        for _ in range(ROUNDS):
            for side, server in zip(samples, (ours, peer)):
                time.sleep(PAUSE)
                side += server.run_for(SECONDS)
    return *map(statistics.median, samples), ours.peak_memory, peer.peak_memory


def first_predictions(binaries, models):
    """Seconds from a process's start to ResNet-18's first prediction, of ours and of ONNX Runtime's, and sizes in bytes."""
    ours = [binaries / "first_prediction", models / "resnet18.safetensors"]
    peer = [sys.executable, HERE / "onnx_runtime.py", "first"]
    times = [(seconds_to_first_line(ours), seconds_to_first_line(peer)) for _ in range(ROUNDS)]
    stripped = binaries / "stripped"
    sizes = {}
    for name in ("first_prediction", "examples/predict_digit"):
        subprocess.run(["strip", "-o", stripped, binaries / name], check=True)
        sizes[Path(name).name] = stripped.stat().st_size
    stripped.unlink()
    return {
        "ours": statistics.median(ours for ours, _ in times),
        "peer": statistics.median(peer for _, peer in times),
        "memory": (peak_memory(ours), peak_memory(peer)),
        "sizes": sizes,
    }


def main():
    parser = argparse.ArgumentParser(prog="compare.sh")
    parser.add_argument("regex", nargs="?", default="", help="which workloads, by a part of their names; all if left out")
    parser.add_argument("--binaries", type=Path, required=True, help="where cargo has put our programs")
    options = parser.parse_args()
    chosen = [row for row in ROWS if re.search(options.regex, row.name)]
    if not chosen:
        sys.exit(f"no workload matches {options.regex!r}; there are {' '.join(row.name for row in ROWS)}")

    workloads = options.binaries / "workloads"
    programs = {
        "FMA peak": [workloads],
        "PyTorch": [sys.executable, HERE / "pytorch.py"],
        "ONNX Runtime": [sys.executable, HERE / "onnx_runtime.py"],
        "pycocotools": [sys.executable, HERE / "coco.py"],
        "torchvision": [sys.executable, HERE / "loader.py"],
    }
    # Gigabytes per second, moved there and back; billions of operations per second.
    fma, copy, *_ = medians([workloads, "serve", "fma_1024"], [workloads, "serve", "copy_256M"])
    limits = results.Limits(gflops=2 * 1024**3 / fma / 1e6, gigabytes=2 * 2**28 / copy / 1e6)

    table = results.Table(HERE.parent / "RESULTS.md", limits)
    for row in chosen:
        if row.is_skipped:
            print(f"{row.name}\tskipped: no {row.data}", flush=True)
            continue
        peer = [*programs[row.peer], "serve", row.peer_workload]
        try:
            ours_ms, peer_ms, *memory = medians([workloads, "serve", row.name], peer)
        except RuntimeError as error:
            sys.exit(f"{row.name}: {error}")
        line = f"{row.name}\t{ours_ms:.3f}\t{row.peer}\t{peer_ms:.3f}\t{ours_ms / peer_ms:.3f}\t{row.target}"
        print(line, flush=True)
        table.add(row, ours_ms, peer_ms, memory)
    if not options.regex:
        table.first_predictions(first_predictions(options.binaries, Path(sys.prefix) / "models"))
    table.write()


if __name__ == "__main__":
    main()
