"""Selects the Python that loads the models: the given one, that of the user's project, or our own.

Candidates are executed, without importing torch. This takes a few hundredths of a second and, unlike inspecting their
folders, works for every kind of environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from resnet_lint.shared.errors import UsageError, WorkerError
from resnet_lint.shared.records.requests import Interpreter

from .remembered import cache_folder, remembered
from .stamps import packages, stamp

OLDEST_PYTHON = (3, 11)
OLDEST_TORCH = (2, 4)

START = Path(__file__).parents[2] / "worker" / "start.py"
_SECONDS = 60.0
_AFFECTS_PATH = ("PYTHON", "HOME", "LD_", "DYLD_", "CONDA_", "VIRTUAL_ENV", "XDG_")
_TORCH_VERSION = re.compile(r"^__version__\s*=\s*['\"](.+?)['\"]", re.MULTILINE)


def chooser(named: Path | None, near: Path, remember: bool = False) -> Callable[[], Interpreter]:
    """A function that calls `choose` once, on first use.

    With `remember`, interpreters that have not changed are not started again to ask for their versions.
    `named` may also be the folder of an environment. Raises UsageError immediately if it is not an executable.
    """
    executable = None if named is None else executable_of(named)
    return cache(lambda: choose(executable, near, remember))


def require_forks() -> None:
    """Raise WorkerError on Windows, where the processes that load models cannot fork."""
    if sys.platform == "win32":
        raise WorkerError(
            "files cannot be checked on Windows, where processes cannot fork; use WSL, or check models in Python: "
            "resnet_lint.check(model)"
        )


def choose(named: Path | None, near: Path, remember: bool = False) -> Interpreter:
    """Select the interpreter that loads the models: the executable `named`, if given.

    Otherwise the first one that has torch among the active environment, the nearest .venv or venv at or above `near`,
    our own Python, and those on PATH. Raises WorkerError if none has torch, its versions are too old, or on Windows.
    """
    require_forks()
    if named is not None:
        return _checked(_ask(named, remember))
    candidates = list(dict.fromkeys(_candidates(near)))
    for executable in candidates:
        with contextlib.suppress(WorkerError):  # skip executables that don't start
            found = _ask(executable, remember)
            if found.torch is not None:
                break
    else:
        raise WorkerError(
            f"no torch in {', '.join(map(str, candidates))}; select an interpreter that has it with --python PATH, "
            f"or install it: {sys.executable} -m pip install torch "
            f"(without a GPU, --index-url https://download.pytorch.org/whl/cpu is far smaller)"
        )
    return _checked(found)


def own() -> Interpreter:
    """The Python that runs resnet-lint. Raises WorkerError if it has no torch, or versions that are too old."""
    return choose(Path(sys.executable), Path())


def executable_of(path: Path) -> Path:
    """The interpreter in the folder of an environment, or the interpreter itself. Raises UsageError for other paths."""
    # Don't resolve links: the python of a virtual environment is a link whose location defines the environment.
    executable = path.absolute() / "bin" / "python" if path.is_dir() else path.absolute()
    if not path.exists():
        raise UsageError(f"--python: no such file: {path}")
    if not os.access(executable, os.X_OK):
        raise UsageError(f"--python: {path} is neither an interpreter nor an environment (no bin/python)")
    return executable


def _candidates(near: Path) -> Iterator[Path]:
    environments = [*_active(), *(folder / name for folder in (near, *near.parents) for name in (".venv", "venv"))]
    yield from _executables(environment / "bin" / "python" for environment in environments)
    yield Path(sys.executable)
    # Not only the first on PATH: in a pre-commit hook, that is the Python of the hook, without torch.
    yield from _executables(Path(folder) / name for folder in os.get_exec_path() for name in ("python3", "python"))


def _executables(paths: Iterable[Path]) -> Iterator[Path]:
    return (path for path in paths if os.access(path, os.X_OK))


def _active() -> Iterator[Path]:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        environment = os.environ.get(variable)
        # pre-commit activates the environment of the hook; the user did not choose it.
        if environment and not (os.environ.get("PRE_COMMIT") and Path(environment) == Path(sys.prefix)):
            yield Path(environment)


def _checked(found: Interpreter) -> Interpreter:
    """The interpreter, if its versions are supported. Raises WorkerError with its versions and the required ones."""
    if _numbers(found.python) >= OLDEST_PYTHON and found.torch is not None and _numbers(found.torch) >= OLDEST_TORCH:
        return found
    has = f"Python {found.python} and {'no torch' if found.torch is None else f'torch {found.torch}'}"
    needed = f"Python {_dotted(OLDEST_PYTHON)} and torch {_dotted(OLDEST_TORCH)} or newer"
    raise WorkerError(
        f"{found.executable} has {has}; {needed} is required; select another interpreter with --python PATH"
    )


def _ask(executable: Path, remember: bool) -> Interpreter:
    """Query an interpreter for its versions and path. Raises WorkerError if it cannot be started or is not Python."""
    facts = _known_facts(executable) if remember else _facts(executable)
    return Interpreter(str(executable), facts["python"], _torch_version(facts["torch"]), tuple(facts["path"]))


def _known_facts(executable: Path) -> dict[str, Any]:
    """The facts about an interpreter, remembered unless the executable, the environment or a folder has changed."""
    real = os.path.realpath(executable)
    configurations = [str(folder / "pyvenv.cfg") for folder in executable.parents[:2]]
    variables = sorted((name, value) for name, value in os.environ.items() if name.startswith(_AFFECTS_PATH))
    own = [(path, stamp(path)) for path in (str(executable), real, str(START), *configurations)]
    if not _is_binary(real):  # a script may start another interpreter each time, as those of pyenv do
        return _facts(executable)

    def stamps(facts: dict[str, Any]) -> list[Any]:
        return [packages(folder) for folder in facts["folders"]]

    facts: dict[str, Any] = remembered(["facts", own, variables], stamps, lambda: _facts(executable), cache_folder())
    return facts


def _facts(executable: Path) -> dict[str, Any]:
    try:
        run = subprocess.run(
            [executable, START, "facts"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS
        )
        facts: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkerError(f"{executable} cannot be started: {error}") from error
    except (IndexError, ValueError) as error:
        last_line = (run.stderr or run.stdout).strip().splitlines()[-1:] or [f"exit code {run.returncode}"]
        raise WorkerError(f"{executable} does not work as a Python interpreter: {last_line[0]}") from error
    return facts


def _is_binary(path: str) -> bool:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read(2) != b"#!"
    return False


def _torch_version(origin: str | None) -> str | None:
    """The version of an installed torch, read from its files without importing it; `origin` is its __init__.py."""
    if origin is None:
        return None
    try:
        found = _TORCH_VERSION.search(Path(origin).with_name("version.py").read_text(encoding="utf-8"))
    except OSError:
        return None
    return found and found[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
