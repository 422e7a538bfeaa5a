"""What linting a whole package costs, against the least that it could: each of timm's models built and run on meta.

    python benchmarks/timm_package.py [--jobs N] [MODULE...]

First resnet-lint checks timm's model files, without its cache. Then one process imports torch and timm once, builds on
meta the models that the files' factories give, and runs one forward of each. Both wall times are printed, with their
ratio; the target is 1.5 with two jobs. The linter leaves out factories where a file's time is over: their plain cost is
measured apart and counts only in the ratio that is named after it. With MODULEs (`resnet densenet`), those files alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

PLAIN = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import torch, timm
done = [[0, time.process_time(), 0]]
for names in json.load(sys.stdin):
    began, used = time.perf_counter(), time.process_time()
    worked = 0
    for name in names:
        try:
            with torch.device("meta"):
                model = timm.create_model(name).eval()
            with torch.no_grad():
                model(torch.empty(2, *model.default_cfg["input_size"], device="meta"))
            worked += 1
        except Exception:  # .item() in a constructor: the attempt is part of the cost, on both sides
            pass
    done.append([time.perf_counter() - began, time.process_time() - used, worked])
print(json.dumps(done))
"""
MODELS = """
import json, sys, timm
print(json.dumps({name: timm.list_models(module=name) for name in sys.argv[1:] or timm.list_modules()}))
"""


@dataclass(frozen=True)
class Linted:
    """What checking the files gave: wall and processor seconds, the models left out, and the summary."""

    seconds: float
    cpu_s: float
    left_out: frozenset[str]
    summary: str


def python(code: str, *args: str, stdin: str = "") -> str:
    return subprocess.run([sys.executable, "-c", code, *args], input=stdin, stdout=-1, text=True, check=True).stdout


def lint(files: list[Path], jobs: int) -> Linted:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.txt")
        command = [sys.executable, "-m", "resnet_lint", "--isolated", "--no-cache", f"--jobs={jobs}", "--verbose"]
        began = time.perf_counter()
        process = subprocess.Popen([*command, f"--output={report}", *map(str, files)], stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            sys.exit(f"resnet-lint ended with exit code {process.returncode}")
        text = report.read_text()
    left_out = re.findall(r"not traced for lack of time: ([\w, ]+);", text)
    names = frozenset(name for line in left_out for name in line.split(", "))
    return Linted(seconds, usage.ru_utime + usage.ru_stime, names, text.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("modules", nargs="*")
    options = parser.parse_args()
    spec = find_spec("timm.models")
    assert spec is not None and spec.origin is not None
    models: dict[str, list[str]] = json.loads(python(MODELS, *options.modules))
    folder = Path(spec.origin).parent
    files = [folder / f"{name}.py" for name in models] if options.modules else [folder]

    linted = lint(files, options.jobs)
    everything = [name for names in models.values() for name in names]
    traced = [name for name in everything if name not in linted.left_out]
    left_out = [name for name in everything if name in linted.left_out]
    began = time.perf_counter()
    done = json.loads(python(PLAIN, stdin=json.dumps([traced, left_out])))
    (_, imports_cpu, _), (_, traced_cpu, worked), (rest, rest_cpu, _) = done
    plain = time.perf_counter() - began - rest

    print(f"resnet-lint, {options.jobs} jobs  {linted.seconds:8.1f} s wall, {linted.cpu_s:.1f} s processor time")
    print(f"  {linted.summary}")
    print(f"plain, one process   {plain:8.1f} s wall, {imports_cpu + traced_cpu:.1f} s processor time")
    print(f"  for the {len(traced)} models traced, {worked} of which run")
    print(f"  {rest:.1f} s wall, {rest_cpu:.1f} s processor time more for the {len(left_out)} left out")
    print(f"ratio {linted.seconds / plain:.2f}; against all models {linted.seconds / (plain + rest):.2f}")


if __name__ == "__main__":
    main()
