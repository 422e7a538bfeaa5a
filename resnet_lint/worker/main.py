"""The worker process: imports torch once, then checks each file in a child process.

`start` runs it in the interpreter that has torch and the dependencies of the models. It reads requests from stdin and
writes answers to stdout, one JSON object per line, until stdin ends. The first line is the path of its temporary
folder.
"""

from __future__ import annotations

import gc
import importlib
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

# Set before torch is imported: keeps scripted functions in Python, so that the tracer can record inside them, and
# disables compilation.
os.environ.update(PYTORCH_JIT="0", TORCHDYNAMO_DISABLE="1", TORCH_COMPILE_DISABLE="1")

import torch
from torch import nn

from ..graph.source_places import torch_folder
from ..rule_loader import load_rules
from ..shared.errors import ResnetLintError, UsageError
from ..shared.fork_server import ForkServer
from ..shared.records import answers
from ..shared.records.answers import Answer
from ..shared.records.reports import FileReport
from ..shared.records.requests import CheckRequest, Request, TraceRequest
from .check import analyse
from .load.files_read import Reads
from .process.blame import Footing
from .process.guard import Guard
from .process.limits import has_rung, limit_resources
from .process.process_clock import ProcessClock
from .process.supervisor import Server
from .torch_quirks.causal_masks import no_comparison_on_meta
from .torch_quirks.distributions import no_validation_on_meta
from .torch_quirks.dynamo import stand_in
from .torch_quirks.plain_sizes import numbers_only


def main() -> None:
    """Serve requests until standard input ends."""
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # keeps the output of torch out of the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C, the front closes stdin
    _load()
    _serve(requests, replies, Footing(), _prepare)


def stay(path: str, lock: int, key: str, idle_seconds: float) -> None:
    """Load everything once, and then serve the requests of every connection to the socket `path` in a fork."""
    _load()
    _prepare()
    footing = Footing()
    own = {name: os.environ[name] for name in ("PYTORCH_JIT", "TORCHDYNAMO_DISABLE", "TORCH_COMPILE_DISABLE")}

    def serve(connection: socket.socket) -> None:
        os.environ.update(own)
        tempfile.tempdir = None  # that of the client
        _serve(connection.fileno(), os.dup(connection.fileno()), footing, lambda: None)

    ForkServer(Path(path), lock, key, idle_seconds, serve).run()


def _load() -> None:
    """Do what is the same for all requests."""
    sys.dont_write_bytecode = True
    stand_in()
    numbers_only()
    no_comparison_on_meta()
    no_validation_on_meta()
    _warm_up()
    _collect_seldom()


def _serve(requests: int, replies: int, footing: Footing, prepare: Callable[[], None]) -> None:
    """Serve requests until they end."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit)
    folder = tempfile.mkdtemp(prefix="resnet-lint-")
    try:
        server = Server(requests, replies, Path(folder), partial(_answer, footing), prepare, _has_fix_plans)
        server.send(folder)
        server.serve()
    except ConnectionError:
        pass  # the front has exited
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _warm_up() -> None:
    """Do what every child would do first; torch imports 500 modules for the first random tensor on meta."""
    torch.set_num_threads(1)  # files share the cores
    load_rules()
    torch_folder()
    with torch.device("meta"):
        x = torch.randn(2, 1, 4, 4)
        nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.ReLU())(x) + x


def _prepare() -> None:
    """Import what verified fixes and traces need: sympy, and the parts of torch's compiler for symbolic sizes."""
    with suppress(Exception):  # in another version of torch; the child that needs it says why
        for name in (".contracts.block_contract", ".model_trace.model_trace"):
            importlib.import_module(name, __package__)
        from .symbolic.symbols import Environment

        environment = Environment()
        with environment.active():
            environment.integer("n", 4)
    gc.freeze()


def _collect_seldom() -> None:
    """Exclude torch's objects from garbage collection, and collect those of the children less often.

    With Python's default threshold of 700 objects, it takes a fifth of the time: a trace creates many long-lived ones.
    """
    gc.freeze()  # also keeps their memory shared with the children
    gc.set_threshold(100_000)
    gc.enable()


def _has_fix_plans(answer: Any) -> bool:
    """Whether an answer, as JSON, has findings for which the front will have edits traced."""
    with suppress(LookupError, TypeError):  # not a report, or the user's code wrote it
        return any(finding["fix_plan"] for finding in answer["report"]["findings"])
    return False


def _exit(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # don't interrupt the exit
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
    """Use a folder for temporary files, and for the caches of libraries that the user's code imports."""
    tempfile.tempdir = str(folder)
    for name in _CACHES:
        os.environ[name] = str(folder)


def _answer(footing: Footing, request: Request, folder: Path) -> Answer:
    """Process a request in a child: check a file or trace a model."""
    _use(folder)
    limit_resources()
    sys.setrecursionlimit(3000)
    _seed()
    reads = Reads(request.path)
    reads.begin()
    guard = Guard(request.allow)
    if request.guard:
        guard.install()
    try:
        return _traced(request, reads) if isinstance(request, TraceRequest) else _checked(request, guard, reads)
    except ResnetLintError as error:
        return answers.ToolFault(str(error))
    except BaseException as error:
        blame = footing.blame(error)
        if blame is not None:
            return answers.Ended(blame.reason, blame.line if blame.path == request.path else None)
        return answers.ToolFault(f"{request.path}: {traceback.format_exc()}")


def _seed() -> None:
    """Make the random numbers of the user's code the same in every check: a script may use them as sizes."""
    random.seed(0)
    torch.manual_seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(0)


def _checked(request: CheckRequest, guard: Guard, reads: Reads) -> answers.Checked:
    clock = ProcessClock()
    report = analyse(request, guard)
    out_of_time = _needs_more_time(report)
    return answers.Checked(replace(report, reads=reads.digests, out_of_time=out_of_time, seconds=clock.seconds))


def _traced(request: TraceRequest, reads: Reads) -> Answer:
    from .model_trace.model_trace import model_trace  # needs symbolic sizes, see `_prepare`

    try:
        trace = model_trace(request)
        return answers.Traced(replace(trace, reads=None if has_rung() else reads.digests))
    except UsageError as error:
        return answers.Refused(str(error))


def _needs_more_time(report: FileReport) -> bool:
    """Whether a time limit was exceeded and not every class was checked."""
    return has_rung() and not (report.classes and all(status.status != "failed" for status in report.classes))
