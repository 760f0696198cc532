"""Runs the workloads of a graphics processor, ours and PyTorch's in turn, and writes benches/GPU.md. Called by gpu.sh."""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from gpu_rows import ROWS
from runner import Server

HERE = Path(__file__).parent
ROUNDS = 3
SECONDS = 0.7
HEADER = ("workload", "what", "ours, ms", "PyTorch, ms", "PyTorch / ours", "ours", "target", "met")
# Seconds that the program which measures the adapters may take.
DEVICES_SECONDS = 60


def alone(ours, times, deadline):
    """The median of one piece of our work."""
    with Server(ours, deadline) as ours:
        return statistics.median(s for _ in range(ROUNDS) for s in ours.run_for(SECONDS)) / times / 1e3


def in_turn(ours, peer, times, deadline):
    """The medians of one piece of work, measured in turn."""
    with Server(ours, deadline) as ours, Server(peer, deadline) as peer:
        samples = [], []
        for _ in range(ROUNDS):
            for side, server in zip(samples, (ours, peer)):
                side += server.run_for(SECONDS)
    return tuple(statistics.median(side) / times / 1e3 for side in samples)


def seconds(ours, peer, times, deadline):
    """The medians of one piece of work; none for a peer that is not there or fails. Half of the time is the peer's at most."""
    if peer is not None:
        start = time.monotonic()
        try:
            return in_turn(ours, peer, times, start + (deadline - start) / 2)
        except (RuntimeError, OSError) as error:
            print(f"not beside the peer: {error}", file=sys.stderr, flush=True)
    return alone(ours, times, deadline), None


def devices(binaries, *arguments):
    """What the program that lists the adapters prints, as far as it comes."""
    command = [binaries / "examples" / "devices", *arguments]
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=DEVICES_SECONDS).stdout.strip()
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
        return (text if isinstance(text, str) else text.decode(errors="replace")).strip() + f"\n(ended after {DEVICES_SECONDS} s)"
    except OSError as error:
        return f"not listed: {error}"


def write(path, machine, lines, adapters, notes):
    """The whole file, in one step: what was there is there until the new one is."""
    text = [
        "# Ocelli on a graphics processor, beside PyTorch\n",
        "Written by `benches/gpu.sh`. Both sides ran in turn in one run; times are medians of one piece of work. Inputs lie on the device.\n",
        f"- {date.today().isoformat()}, {machine}",
        *(f"- {note}" for note in notes),
        "",
        *(f"| {' | '.join(line)} |" for line in (HEADER, ["---"] * len(HEADER), *lines)),
        "\n```text",
        adapters,
        "```",
    ]
    part = path.with_name(f"{path.name}.part")
    part.write_text("\n".join(text) + "\n")
    os.replace(part, path)


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
    parser.add_argument("--row-seconds", type=float, default=120, help="how long a row may take (120)")
    parser.add_argument("--seconds", type=float, default=400, help="how long all rows may take together (400)")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    try:
        import torch

        name = torch.cuda.get_device_name(0)
        versions = f"PyTorch {torch.__version__} (eager, CUDA {torch.version.cuda}, TF32 off)"
    except Exception as error:  # Whatever keeps it from running: ours is measured nevertheless.
        name, versions = None, f"PyTorch does not run here: {error}".splitlines()[0]
    machine = f"{name or 'no CUDA device'}; {versions}"
    print(machine, flush=True)
    adapters = devices(options.binaries, "--list")
    print(adapters, flush=True)

    lines, notes, copy = [], [], None
    for row in ROWS:
        if not re.search(options.regex, row.name):
            continue
        deadline = min(time.monotonic() + options.row_seconds, end)
        if deadline - time.monotonic() < 1:
            notes.append(f"{row.name}: left out, as there was no time left")
            print(notes[-1], flush=True)
            continue
        peer = [sys.executable, HERE / "pytorch_gpu.py", "serve", row.name] if name else None
        try:
            ours, theirs = seconds([options.binaries / "workloads", "serve", row.name], peer, row.times, deadline)
        except (RuntimeError, OSError) as error:
            notes.append(f"{row.name}: failed")
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
        # Whatever ends this run early, the rows so far are there.
        write(options.out, machine, lines, adapters, notes)
    if not lines:
        sys.exit("gpu.sh: no row was measured")
    write(options.out, machine, lines, devices(options.binaries), notes)


if __name__ == "__main__":
    main()
