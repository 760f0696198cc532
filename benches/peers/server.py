"""How compare.py talks to a program that runs a workload (benches/workloads.rs speaks the same).

`PROGRAM time NAME...` runs the workloads whose names are given, each for two seconds, and prints their medians.
`PROGRAM serve NAME` warms up, prints `ready`, then for each line on its input, a number of seconds, runs the workload for so long
and prints the milliseconds of the runs on a line.
"""

import sys
import time

THREADS = 2
LEAST_RUNS = 2


def run_for(work, seconds):
    """The milliseconds of each run of `work`, until `seconds` have passed."""
    samples = []
    end = time.perf_counter() + seconds
    while len(samples) < LEAST_RUNS or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        samples.append((time.perf_counter() - start) * 1e3)
    return samples


def main(workloads):
    """Serves `workloads`, a dictionary from names to functions which prepare the work and return it as a function."""
    mode, *names = sys.argv[1:] or [""]
    if mode == "time" and names:
        for name in names:
            work = workloads[name]()
            run_for(work, 0.5)
            samples = sorted(run_for(work, 2))
            print(f"{name}\t{samples[len(samples) // 2]:.3f} ms\tbest {samples[0]:.3f}\t{len(samples)} runs", flush=True)
    elif mode == "serve" and len(names) == 1:
        work = workloads[names[0]]()
        run_for(work, 0.5)
        print("ready", flush=True)
        for line in sys.stdin:
            print(*(f"{sample:.4f}" for sample in run_for(work, float(line))), flush=True)
    else:
        sys.exit(f"usage: {sys.argv[0]} time NAME... | serve NAME, where NAME is one of: {' '.join(workloads)}")
