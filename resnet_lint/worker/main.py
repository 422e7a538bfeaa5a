"""The worker process: imports torch once, then looks at each file in a child of its own.

Started by `start` in the interpreter that has torch and the model's own dependencies; needs nothing but torch and the
standard library. Reads requests from standard input and writes answers to standard output, each a line of JSON; the
first line that it writes is the path of its temporary folder. It ends when standard input does.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

# Before torch is imported: scripted functions stay Python, so that the tracer sees inside them, and nothing is
# compiled.
os.environ.update(PYTORCH_JIT="0", TORCHDYNAMO_DISABLE="1", TORCH_COMPILE_DISABLE="1")

import torch
from torch import nn

from ..graph.source_places import torch_folder
from ..rule_loader import load_rules
from ..shared.errors import ResnetLintError, UsageError
from ..shared.records import answers
from ..shared.records.answers import Answer
from ..shared.records.reports import FileReport
from ..shared.records.requests import CheckRequest, Request, TraceRequest
from .check import analyse
from .load.files_read import Reads
from .model_trace.model_trace import model_trace
from .process.blame import Footing
from .process.guard import Guard
from .process.limits import has_rung, limit_resources
from .process.process_clock import ProcessClock
from .process.supervisor import Server
from .torch_quirks.dynamo import stand_in


def main() -> None:
    """Serve requests until standard input ends."""
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # what torch prints must not get between the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the front, which closes standard input
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit)
    sys.dont_write_bytecode = True
    stand_in()
    _warm_up()
    _collect_seldom()
    footing = Footing()
    folder = tempfile.mkdtemp(prefix="resnet-lint-")
    try:
        server = Server(requests, replies, Path(folder), partial(_answer, footing))
        server.send(folder)
        server.serve()
    except BrokenPipeError:
        pass  # the front is gone
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _warm_up() -> None:
    """Do once what each child would do first. Torch imports 500 modules at its first random tensor on meta."""
    torch.set_num_threads(1)  # files share the cores
    load_rules()
    torch_folder()
    with torch.device("meta"):
        x = torch.randn(2, 1, 4, 4)
        nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.ReLU())(x) + x


def _collect_seldom() -> None:
    """Let the garbage collector pass over torch's objects, and come to the children's less often.

    At Python's 700 new objects it takes a fifth of a child's time: a trace makes many, and nearly all of them stay.
    """
    gc.collect()
    gc.freeze()  # and what it does not look at stays in the memory that the children share
    gc.set_threshold(100_000)


def _exit(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough, and the way out is not to be interrupted
    sys.exit()


_CACHES = (
    "TMPDIR",
    "XDG_CACHE_HOME",
    "MPLCONFIGDIR",
    "TORCH_HOME",
    "TORCHINDUCTOR_CACHE_DIR",
    "HF_HOME",
    "NUMBA_CACHE_DIR",
)


def _use(folder: Path) -> None:
    """Make a folder the one for temporary files, and for the caches of the libraries that the user's code imports."""
    tempfile.tempdir = str(folder)
    for name in _CACHES:
        os.environ[name] = str(folder)


def _answer(footing: Footing, request: Request, folder: Path) -> Answer:
    """In a child: the report on a file or the trace of a model, or why there is none."""
    _use(folder)
    limit_resources()
    sys.setrecursionlimit(3000)
    reads = Reads(request.path)
    reads.begin()
    guard = Guard(request.allow)
    if request.guard:
        guard.install()
    try:
        return _traced(request) if isinstance(request, TraceRequest) else _checked(request, guard, reads)
    except ResnetLintError as error:
        return answers.ToolFault(str(error))
    except BaseException as error:
        blame = footing.blame(error)
        if blame is not None:
            return answers.Ended(blame.reason, blame.line if blame.path == request.path else None)
        return answers.ToolFault(f"{request.path}: {traceback.format_exc()}")


def _checked(request: CheckRequest, guard: Guard, reads: Reads) -> answers.Checked:
    clock = ProcessClock()
    report = analyse(request, guard)
    digests = None if _wants_time(report) else reads.digests
    return answers.Checked(replace(report, reads=digests, seconds=clock.seconds))


def _traced(request: TraceRequest) -> Answer:
    try:
        return answers.Traced(model_trace(request))
    except UsageError as error:
        return answers.Refused(str(error))


def _wants_time(report: FileReport) -> bool:
    """Whether the time was up for something, and not every class was checked."""
    return has_rung() and not (report.classes and all(each.status != "failed" for each in report.classes))
