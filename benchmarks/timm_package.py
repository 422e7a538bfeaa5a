"""What linting a whole package costs, against the least that it could: each of timm's models built and run on meta.

    python benchmarks/timm_package.py [--jobs N] [--pieces N] [MODULE...]

First resnet-lint checks timm's model files, without its cache. Then one process imports torch and timm once, builds on
meta the models that the files' factories give, and runs one forward of each. Wall and processor times are printed, and
the ratio of the wall times; the target is 1.5 with two jobs. The linter leaves out factories where a file's time is
over: their plain cost is measured apart and counts only in the ratio that is named after it.

With MODULEs (`resnet densenet`), those files alone. With --pieces, an equal part of the files at a time, first the
linter and then the plain cost, with the sums so far after each. Each piece starts its own worker, which is included;
of the plain processes' imports, only the first one's does.
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
class Cost:
    """Wall and processor seconds."""

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu)

    def __str__(self) -> str:
        return f"{self.wall:7.1f} s wall, {self.cpu:7.1f} s processor time"


@dataclass(frozen=True)
class Measured:
    """What the linter and the plain run cost: `traced` and `rest` for the models that it traced, and left out."""

    linted: Cost = Cost()
    imports: Cost = Cost()
    traced: Cost = Cost()
    rest: Cost = Cost()
    models: int = 0
    worked: int = 0
    left_out: int = 0

    def and_then(self, piece: Measured) -> Measured:
        """With another piece; what is imported is imported once."""
        return Measured(
            self.linted + piece.linted,
            self.imports if self.models else piece.imports,
            self.traced + piece.traced,
            self.rest + piece.rest,
            self.models + piece.models,
            self.worked + piece.worked,
            self.left_out + piece.left_out,
        )

    def __str__(self) -> str:
        plain = self.imports + self.traced
        everything = (plain + self.rest).wall
        return "\n".join(
            (
                f"resnet-lint         {self.linted}",
                f"plain, one process  {plain}, for the {self.models} models traced, {self.worked} of which run",
                f"                    {self.rest} more for the {self.left_out} left out",
                f"ratio {self.linted.wall / plain.wall:.2f}; against all models {self.linted.wall / everything:.2f};"
                f" of processor times {self.linted.cpu / plain.cpu:.2f}",
            )
        )


def python(code: str, *args: str, stdin: str = "") -> str:
    return subprocess.run([sys.executable, "-c", code, *args], input=stdin, stdout=-1, text=True, check=True).stdout


def lint(files: list[Path], jobs: int) -> tuple[Cost, frozenset[str], str]:
    """What checking the files costs, the models left out, and the summary."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.txt")
        command = [sys.executable, "-m", "resnet_lint", "--isolated", "--no-cache", f"--jobs={jobs}", "--verbose"]
        began = time.perf_counter()
        process = subprocess.Popen([*command, f"--output={report}", *map(str, files)], stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            sys.exit(f"resnet-lint ended with exit code {process.returncode}")
        text = report.read_text()
    left_out = re.findall(r"not traced for lack of time: ([\w, ]+);", text)
    names = frozenset(name for line in left_out for name in line.split(", "))
    return Cost(wall, usage.ru_utime + usage.ru_stime), names, text.strip().splitlines()[-1]


def measure(models: dict[str, list[str]], folder: Path, jobs: int) -> Measured:
    """Lint the files of some modules, and run their models plainly."""
    linted, names, summary = lint([folder / f"{module}.py" for module in models], jobs)
    print(summary)
    everything = [name for module in models.values() for name in module]
    parts = [[name for name in everything if (name in names) is left_out] for left_out in (False, True)]
    began = time.perf_counter()
    done = json.loads(python(PLAIN, stdin=json.dumps(parts)))
    wall = time.perf_counter() - began
    (_, imports_cpu, _), (traced_wall, traced_cpu, worked), (rest_wall, rest_cpu, _) = done
    return Measured(
        linted,
        Cost(wall - traced_wall - rest_wall, imports_cpu),
        Cost(traced_wall, traced_cpu),
        Cost(rest_wall, rest_cpu),
        len(parts[0]),
        worked,
        len(parts[1]),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--pieces", type=int, default=1)
    parser.add_argument("modules", nargs="*")
    options = parser.parse_args()
    spec = find_spec("timm.models")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent
    models: dict[str, list[str]] = json.loads(python(MODELS, *options.modules))
    names = sorted(set(models) | {file.stem for file in folder.glob("*.py")} if not options.modules else models)
    so_far = Measured()
    for number in range(options.pieces):
        piece = {name: models.get(name, []) for name in names[number :: options.pieces]}
        so_far = so_far.and_then(measure(piece, folder, options.jobs))
        print(f"after {number + 1} of {options.pieces}, {options.jobs} jobs:\n{so_far}", flush=True)


if __name__ == "__main__":
    main()
