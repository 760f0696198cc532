"""Runs the workloads of a graphics processor, ours and PyTorch's in turn, and writes benches/GPU.md. Called by gpu.sh."""

import argparse
import re
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

from gpu_rows import ROWS
from runner import Server

HERE = Path(__file__).parent
ROUNDS = 3
SECONDS = 0.7
HEADER = ("workload", "what", "ours, ms", "PyTorch, ms", "PyTorch / ours", "ours", "target", "met")


def seconds(ours, peer, times):
    """The medians of one piece of work, measured in turn; none for a peer that is not there."""
    with Server(ours) as ours:
        if peer is None:
            return statistics.median(s for _ in range(ROUNDS) for s in ours.run_for(SECONDS)) / times / 1e3, None
        with Server(peer) as peer:
            samples = [], []
            for _ in range(ROUNDS):
                for side, server in zip(samples, (ours, peer)):
                    side += server.run_for(SECONDS)
    return tuple(statistics.median(side) / times / 1e3 for side in samples)


def rate(row, time):
    if row.megabytes:
        return f"{row.megabytes / time / 1e3:.0f} GB/s"
    if row.gflop:
        return f"{row.gflop / time / 1e3:.2f} TFLOP/s"
    return f"{row.pictures / time:.0f} pictures/s"


def reached(row, ours, peer, copy):
    """What the target is about: the share of the copy's bandwidth, or PyTorch's time / ours."""
    if row.megabytes:
        return row.megabytes / ours / copy if copy else None
    return peer / ours if peer else None


def main():
    parser = argparse.ArgumentParser(prog="gpu.sh")
    parser.add_argument("regex", nargs="?", default="", help="which workloads, by a part of their names; all if left out")
    parser.add_argument("--binaries", type=Path, required=True, help="where our programs are")
    parser.add_argument("--out", type=Path, default=HERE.parent / "GPU.md")
    options = parser.parse_args()
    try:
        import torch

        name = torch.cuda.get_device_name(0)
        versions = f"PyTorch {torch.__version__} (eager, CUDA {torch.version.cuda}, TF32 off)"
    except Exception as error:  # Whatever keeps it from running: ours is measured nevertheless.
        name, versions = None, f"PyTorch does not run here: {error}".splitlines()[0]
    print(f"{name or 'no CUDA device'}; {versions}", flush=True)

    lines, copy = [HEADER, ["---"] * len(HEADER)], None
    for row in ROWS:
        if not re.search(options.regex, row.name):
            continue
        peer = [sys.executable, HERE / "pytorch_gpu.py", "serve", row.name] if name else None
        try:
            ours, theirs = seconds([options.binaries / "workloads", "serve", row.name], peer, row.times)
        except RuntimeError as error:
            print(f"{row.name}\tfailed: {error}", flush=True)
            continue
        if row.name == "gpu_copy_64M":
            copy = row.megabytes / ours
        share = reached(row, ours, theirs, copy)
        is_met = "" if row.target is None or share is None else "yes" if share >= row.target else "no"
        ratio = "" if theirs is None else f"{theirs / ours:.2f}"
        target = "" if row.target is None else f"{row.target:.0%} of the copy" if row.megabytes else f"{row.target}"
        shown = "" if theirs is None else f"{theirs * 1e3:.3f}"
        lines.append((row.name, row.what, f"{ours * 1e3:.3f}", shown, ratio, rate(row, ours), target, is_met))
        print("\t".join(lines[-1]), flush=True)
    adapters = subprocess.run([options.binaries / "examples" / "devices"], capture_output=True, text=True).stdout
    text = [
        "# Ocelli on a graphics processor, beside PyTorch\n",
        "Written by `benches/gpu.sh`. Both sides ran in turn in one run; times are medians of one piece of work. Inputs lie on the device.\n",
        f"- {date.today().isoformat()}, {name or 'no CUDA device'}; {versions}\n",
        *(f"| {' | '.join(line)} |" for line in lines),
        "\n```text",
        adapters.strip(),
        "```",
    ]
    options.out.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
