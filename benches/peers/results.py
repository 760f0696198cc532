"""benches/RESULTS.md: tables of each machine that are written anew, row by row, and notes that stay as a person has written them."""

import importlib.metadata
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rows import ROWS

NOTES = "## Notes\n"
MACHINE = "## On "
INTRODUCTION = """# Ocelli beside its peers

Written by `benches/compare.sh`, but for the notes. Both sides ran in turn on two threads; times are medians,
`ratio` is ours / theirs (lower is better), and `met` tells whether it is within the target.

The machine's limit is the time that the operations take at the measured peak, or the bytes that must be read and written at the
copy's bandwidth, whichever is longer. A share above 100 % is one of fewer operations (Winograd) or of data that stay in
the cache. Peak memory is the whole process's, Python and libraries included, after all runs.

"""
SPEED = ("workload", "what", "ours, ms", "peer", "peer, ms", "ratio", "target", "met", "day")
SHARES = ("workload", "work", "the machine's limit, ms", "share reached", "peak memory, MB", "peer's, MB")
FIRST = ("from process start to ResNet-18's first prediction", "seconds", "peak memory, MB", "stripped program, MB")


@dataclass
class Limits:
    """What the machine was measured to do: GFLOP/s and GB/s."""

    gflops: float
    gigabytes: float

    def milliseconds(self, row):
        return max(row.gflop / self.gflops, row.megabytes / 1e3 / self.gigabytes) * 1e3

    def is_arithmetic(self, row):
        return row.gflop / self.gflops > row.megabytes / 1e3 / self.gigabytes


class Table:
    def __init__(self, path, limits):
        self.path = path
        self.limits = limits
        tables, _, self.notes = (path.read_text() if path.exists() else "").partition(NOTES)
        # What was measured on other machines stays as it is.
        self.machines = {part.partition("\n")[0]: part for part in tables.split(f"\n{MACHINE}")[1:]}
        old = self.machines.get(cpu(), "")
        self.speed, self.shares, self.first = (rows_of(old, header) for header in (SPEED, SHARES, FIRST))

    def add(self, row, ours_ms, peer_ms, memory):
        ratio = ours_ms / peer_ms
        met = "yes" if ratio <= row.target else "no"
        figures = f"{ours_ms:.2f}", row.peer, f"{peer_ms:.2f}", f"{ratio:.2f}", str(row.target)
        self.speed[row.name] = row.name, row.what, *figures, met, date.today().isoformat()
        limit = self.limits.milliseconds(row)
        work = f"{row.gflop:.2f} GFLOP" if self.limits.is_arithmetic(row) else f"{row.megabytes:.1f} MB"
        ours_memory, peer_memory = map(megabytes, memory)
        share = f"{limit / ours_ms:.0%}"
        peer_memory = "" if row.peer == "FMA peak" else peer_memory
        self.shares[row.name] = row.name, work, f"{limit:.2f}", share, ours_memory, peer_memory

    def first_predictions(self, figures):
        ours_memory, peer_memory = map(megabytes, figures["memory"])
        size, example = map(megabytes, figures["sizes"].values())
        ours = f"{figures['ours']:.3f}", ours_memory, f"{size} (example `predict_digit`: {example})"
        peer = f"{figures['peer']:.3f}", peer_memory, ""
        self.first = {"ours": ("ours", *ours), "ONNX Runtime": ("ONNX Runtime", *peer)}

    def write(self):
        names = [row.name for row in ROWS]
        parts = [
            f"{cpu()}\n",
            f"- measured limits: {self.limits.gflops:.0f} GFLOP/s of f32 multiply-adds in registers, "
            f"{self.limits.gigabytes:.1f} GB/s of copying (read and written)",
            f"- {versions()}\n",
            *markdown(SPEED, self.speed, names),
            *markdown(SHARES, self.shares, names),
            *(markdown(FIRST, self.first, ["ours", "ONNX Runtime"]) if self.first else []),
        ]
        self.machines[cpu()] = "\n".join(parts)
        tables = "".join(f"{MACHINE}{part.rstrip()}\n\n" for part in self.machines.values())
        self.path.write_text(f"{INTRODUCTION}{tables}{NOTES}{self.notes}")


def markdown(header, rows, order):
    lines = [header, ["---"] * len(header), *(rows[name] for name in order if name in rows)]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def rows_of(text, header):
    """The rows of the table with this header, by their first cell."""
    _, found, table = text.partition(f"| {' | '.join(header)} |\n")
    rows = {}
    for line in table.splitlines() if found else []:
        if not line.startswith("|"):
            break
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if cells[0] != "---":
            rows[cells[0]] = cells
    return rows


def megabytes(count):
    return f"{count / 1e6:.1f}" if count < 1e8 else f"{count / 1e6:.0f}"


def cpu():
    """The CPU's name, its vector instructions and the number of processors."""
    try:
        information = Path("/proc/cpuinfo").read_text()
    except OSError:
        return f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors"
    name = re.search(r"model name\s*:\s*(.*)", information)
    name = name[1] if name else platform.machine()
    best = next((f" ({set_})" for set_ in ("avx512f", "avx2") if re.search(rf"\b{set_}\b", information)), "")
    return f"{name}{best}, {os.cpu_count()} processors"


def versions():
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent)
    rust = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()[1:2]
    peers = [f"{name} {importlib.metadata.version(name)}" for name in ("torch", "torchvision", "pillow", "onnxruntime", "pycocotools")]
    return ", ".join([f"Ocelli {commit.stdout.strip() or 'without git'}", *peers, *(f"rustc {v}" for v in rust)])
