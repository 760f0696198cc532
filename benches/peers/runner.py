"""Processes that are measured."""

import os
import subprocess
import sys
import threading
import time

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "2", "RAYON_NUM_THREADS": "2"}


class Server:
    """A program that runs one workload whenever it is told to, see server.py. It is ended once the deadline (of `time.monotonic`) has
    passed, if there is one."""

    def __init__(self, command, deadline=None):
        self.command = command
        self.is_late = False
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=ENVIRONMENT)
        self.timer = None
        if deadline is not None:
            self.timer = threading.Timer(max(deadline - time.monotonic(), 0), self.end)
            self.timer.daemon = True
            self.timer.start()

    def end(self):
        self.is_late = True
        self.process.kill()

    def __enter__(self):
        try:
            self.line()
        except RuntimeError:
            self.__exit__()
            raise
        return self

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            what = "has taken too long" if self.is_late else "has failed"
            raise RuntimeError(f"{' '.join(map(str, self.command))} {what}")
        return line

    def run_for(self, seconds):
        """The milliseconds of each run."""
        try:
            print(seconds, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # It has ended, as `line` says.
        return [float(sample) for sample in self.line().split()]

    def __exit__(self, *_):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.peak_memory = wait(self.process)
        if self.timer is not None:
            self.timer.cancel()


def wait(process):
    """The peak memory in bytes of a process that is about to end."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peak_memory(command):
    return wait(subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT))


def seconds_to_first_line(command):
    """From the start of the process to the first line that it prints."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
    if not line:
        raise RuntimeError(f"{' '.join(map(str, command))} has failed")
    return seconds
