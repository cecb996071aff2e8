"""Runs one program and measures it. The program prints its results as JSON lines with frame numbers on stdout."""
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import namedtuple

SAMPLE_S = 0.1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# `start_s` is the time to the first result; frame rate and CPU are measured after it. `events` are all parsed results.
Run = namedtuple("Run", "start_s fps cpu_ms peak_mb events")


class Failed(Exception):
    """The program failed."""


def over_tree(process, figure):
    """`figure(pid)` of the process and of all its living descendants."""
    pids, figures = [process], {}
    for pid in pids:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as children:
                    pids.extend(map(int, children.read().split()))
            figures[pid] = figure(pid)
        except (OSError, StopIteration):
            pass  # the process has ended, or is ending and has no memory any more
    return figures


def cpu_seconds(pid):
    """The processor time of a process and of its ended children."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS_PER_SECOND


def peak_mb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


class PeakMemory(threading.Thread):
    """The maximum over time of the sum of the peak memory of all living processes of a tree."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.most_mb, self.stopped = process, 0.0, threading.Event()

    def run(self):
        while not self.stopped.wait(SAMPLE_S):
            self.most_mb = max(self.most_mb, sum(over_tree(self.process, peak_mb).values()))

    def stop(self):
        self.stopped.set()
        self.join()
        return self.most_mb


def read_results(child, seconds):
    """The results with their arrival times; the CPU time until the first, and until the last if we ended the run."""
    results, before, after = [], 0.0, None
    for line in child.stdout:
        if b'"frame"' not in line:
            continue
        results.append((time.monotonic(), line))
        if len(results) == 1:
            before = sum(over_tree(child.pid, cpu_seconds).values())
        elif results[-1][0] - results[0][0] > seconds:
            after = sum(over_tree(child.pid, cpu_seconds).values())
            child.terminate()
            child.stdout.read()
            break
    return results, before, after


def measure(command, environment, seconds):
    """One run until it ends, or until `seconds` after the first result."""
    with tempfile.TemporaryFile() as complaints:
        started = time.monotonic()
        child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=complaints)
        memory = PeakMemory(child.pid)
        memory.start()
        results, before, after = read_results(child, seconds)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        peak = memory.stop()
        complaints.seek(0)
        if child.returncode not in (0, -signal.SIGTERM) or not results:
            raise Failed(f"{' '.join(command)}\nended with {child.returncode}:\n{complaints.read().decode()}")
    # If the program ended by itself, it has waited for all its descendants.
    cpu = (usage.ru_utime + usage.ru_stime if after is None else after) - before
    events = [json.loads(line) for _, line in results]
    frames = max(events[-1]["frame"] - events[0]["frame"], 1)
    duration = max(results[-1][0] - results[0][0], 1e-9)
    return Run(results[0][0] - started, frames / duration, cpu * 1000 / frames, peak, events)
