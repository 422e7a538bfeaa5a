"""The worker process: imports torch once, then looks at each file in a child of its own.

Started as `python -m resnet_lint.worker` in the interpreter that has torch and the model's own dependencies; needs
nothing but torch and the standard library. Reads one request a line from standard input and writes one report a line
to standard output, both JSON; the first line it writes says which torch it runs. A child that hangs, exits or crashes
is a finding on its file and touches no other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection
from typing import Any, TextIO

# Before torch is imported: scripted functions stay Python, so that the tracer sees inside them, and nothing is
# compiled.
os.environ.update(PYTORCH_JIT="0", TORCHDYNAMO_DISABLE="1", TORCH_COMPILE_DISABLE="1")

import torch

from .analyse import analyse
from .analysis import Analysis, Problem
from .errors import ResnetLintError
from .findings import check
from .limits import TimeUp
from .model.guard import guard
from .records import FileReport, Position, Request, Span
from .rule import load_rules
from .shapes.dynamo import stand_in

# Beyond its time limit a child gets this long to hand over what it has found.
_GRACE_SECONDS = 3.0


class _OwnFault(Exception):
    """A fault of the tool itself, or of what it was told, on its way from the child to the front."""


def main() -> None:
    """Serve requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what torch or a model prints must not get between the answers
    sys.dont_write_bytecode = True
    stand_in()
    folder = _private_folder()
    try:
        _answer(answers, {"torch": torch.__version__, "python": sys.version.split()[0]})
        for line in sys.stdin:
            request = Request(**_with_tuples(json.loads(line)))
            try:
                _answer(answers, dataclasses.asdict(_report(request)))
            except _OwnFault as fault:
                _answer(answers, {"fault": str(fault)})
    except KeyboardInterrupt:
        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answer(stream: TextIO, value: dict[str, Any]) -> None:
    stream.write(json.dumps(value) + "\n")


def _with_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


def _private_folder() -> str:
    """The one place where the user's code may write; caches of the libraries that it imports go there too."""
    folder = tempfile.mkdtemp(prefix="resnet-lint-")
    tempfile.tempdir = folder
    for name in ("TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "TORCH_HOME", "HF_HOME", "NUMBA_CACHE_DIR"):
        os.environ[name] = folder
    return folder


def _report(request: Request) -> FileReport:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(request, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        if ours.poll(request.seconds + _GRACE_SECONDS):
            answer = ours.recv()
            if isinstance(answer, _OwnFault):
                raise answer
            return answer if isinstance(answer, FileReport) else _problem(request, answer)
        return _problem(request, f"it is not done after {request.seconds:.0f} s; a longer --timeout may help")
    except EOFError:
        child.join(1)
        return _problem(request, f"it ends the interpreter ({_ended(child.exitcode)})")
    finally:
        _end(child.pid)
        child.join()
        ours.close()


def _end(group: int | None) -> None:
    """Kill a child and whatever it started."""
    if group is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(group, signal.SIGKILL)


def _ended(code: int | None) -> str:
    return f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _child(request: Request, answers: Connection) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.setpgid(0, 0)
    sys.setrecursionlimit(3000)
    guard()
    answer: FileReport | str | _OwnFault
    try:
        answer = analyse(request)
    except TimeUp as error:
        answer = f"loading it took too long: {error}"
    except ResnetLintError as error:
        answer = _OwnFault(str(error))
    except Exception:
        answer = _OwnFault(f"{request.path}: {traceback.format_exc()}")
    answers.send(answer)
    answers.close()
    os._exit(0)  # the user's exit handlers and threads have no say


def _problem(request: Request, reason: str) -> FileReport:
    """A file that could not be looked at, as the finding that says so."""
    span = Span(request.path, Position(1, 1), Position(1, 1))
    analysis = Analysis(request.path, (Problem("import", span, reason),))
    return FileReport(request.path, check(analysis, load_rules(request.rule_folders)))


if __name__ == "__main__":
    main()
