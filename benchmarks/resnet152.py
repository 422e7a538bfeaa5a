"""What linting costs, against the least that it could: building the model on meta and running it once.

    python benchmarks/resnet152.py [PAIRS]

Runs both in turn, several pairs, on ResNet-152, and prints the median of the processor time (user and system, with all
child processes) and of the peak memory (the largest process). The targets are 1.5 times the time and 1.3 times the
memory. Then it lints ResNets of growing depth: the cost must grow in proportion to the depth.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).with_name("resnet152_model.py")
DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 302: (6, 16, 72, 6)}
PLAIN = """
import torch
from resnet152_model import ResNet152
with torch.device("meta"):
    ResNet152()(torch.randn(2, 3, 224, 224))
"""


@dataclass(frozen=True)
class Cost:
    """What one command used: seconds of processor time, and the peak memory of its largest process in MiB."""

    cpu_s: float
    peak_mib: float


def measure(*command: str) -> Cost:
    """Run a command that must succeed. wait4 gives the usage of this very child and of the children it waited for."""
    process = subprocess.Popen([sys.executable, *command], cwd=MODEL.parent, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"exit code {process.returncode} from: {command}")
    kib = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)  # macOS counts bytes, Linux KiB
    return Cost(usage.ru_utime + usage.ru_stime, kib / 1024)


def lint(file: Path) -> Cost:
    return measure("-m", "resnet_lint", "--isolated", "--no-cache", str(file))


def median(costs: list[Cost]) -> Cost:
    return Cost(statistics.median(cost.cpu_s for cost in costs), statistics.median(cost.peak_mib for cost in costs))


def compare(pairs: int) -> None:
    """Take turns, so that a change in the machine's load meets both alike."""
    both = [(measure("-c", PLAIN), lint(MODEL)) for _ in range(pairs)]
    plain, linted = median([first for first, _ in both]), median([second for _, second in both])
    print(f"ResNet-152, median of {pairs} pairs    cpu s   peak MiB")
    print(f"plain forward on meta          {plain.cpu_s:9.2f}  {plain.peak_mib:9.0f}")
    print(f"resnet-lint                    {linted.cpu_s:9.2f}  {linted.peak_mib:9.0f}")
    print(f"ratio                          {linted.cpu_s / plain.cpu_s:9.2f}  {linted.peak_mib / plain.peak_mib:9.2f}")


def grow(tries: int) -> None:
    print(f"\nResNet of depth, median of {tries}     cpu s   peak MiB")
    source = MODEL.read_text()
    with tempfile.TemporaryDirectory() as folder:
        for depth, blocks in DEPTHS.items():
            file = Path(folder, f"resnet{depth}.py")
            file.write_text(source.replace(str(DEPTHS[152]), str(blocks)))
            cost = median([lint(file) for _ in range(tries)])
            print(f"{depth:30} {cost.cpu_s:9.2f}  {cost.peak_mib:9.0f}")


if __name__ == "__main__":
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    compare(pairs)
    grow(min(pairs, 3))
