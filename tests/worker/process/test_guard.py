"""The guard, which cannot be removed, in a new process per statement: what it blocks and what it allows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Lint

Outcomes = dict[tuple[str | None, str], tuple[str, Path]]

# One interpreter for all statements, and for each a child, as torch takes its time to import. In a statement, `free` is
# the temporary folder, `kept` is any other; both hold a file named old.
SETTING = """
import json, multiprocessing, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile
from resnet_lint.worker.process.guard import Guard, Refused

def run(statement, folder, allow):
    global free, kept
    free, kept = folder / "free", folder / "kept"
    tempfile.tempdir = str(free)
    guard = Guard(allow)
    guard.install()
    try:
        exec(statement)
        return "done"
    except Refused as error:
        return f"{error} ({len(guard.refusals)} reported)"
    except Exception as error:
        return repr(error)

for statement, folder, allow in json.load(sys.stdin):
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.write(theirs, run(statement, pathlib.Path(folder), allow).encode())
        os._exit(0)
    os.close(theirs)
    os.wait()
    print(json.dumps(os.read(ours, 10_000).decode()))
"""

REFUSED = [
    "open(kept / 'new', 'w')",
    "open(kept / 'old', 'r+')",
    "os.open(kept / 'old', os.O_RDWR)",
    "os.remove(kept / 'old')",
    "os.rename(kept / 'old', free / 'new')",
    "os.replace(free / 'old', kept / 'old')",
    "os.rename(free / 'old', kept / 'new')",
    "os.symlink(kept / 'old', kept / 'new')",
    "os.symlink(free / 'old', kept / 'new')",
    "os.mkdir(kept / 'new')",
    "os.rmdir(kept)",
    "shutil.rmtree(kept)",
    "os.chmod(kept / 'old', 0)",
    "os.utime(kept / 'old', (0, 0))",
    "open(free / '..' / 'kept' / 'old', 'w')",
    "os.chdir(kept); open('old', 'w')",
    "open(free / 'link', 'w')",
    "os.chmod(free / 'link', 0)",
    "os.remove('old', dir_fd=os.open(kept, os.O_RDONLY))",
    "os.setxattr(kept / 'old', 'user.note', b'x')",
    "os.system('true')",
    "os.fork()",
    "subprocess.run(['true'])",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "multiprocessing.get_context('spawn').Process(target=print).start()",
    "multiprocessing.get_context('forkserver').Process(target=print).start()",
    "os.kill(os.getppid(), signal.SIGCONT)",
    "os.kill(-1, 0)",
    "os.killpg(os.getpgrp() + 1, 0)",
    "input()",
    "socket.create_connection(('127.0.0.1', 9))",
    "socket.getaddrinfo('localhost', 80)",
    "socket.gethostbyname('localhost')",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(('127.0.0.1', 0))",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
]

PASSED = [
    "open(kept / 'old').read()",
    "os.listdir(kept)",
    "open(free / 'new', 'w')",
    "os.remove(free / 'old')",
    "os.mkdir(free / 'new')",
    "shutil.copy(kept / 'old', free / 'new')",
    "tempfile.mkdtemp()",
    "tempfile.TemporaryFile()",
    "tempfile.NamedTemporaryFile()",
    "open(os.devnull, 'w').write('x')",
    "import json, decimal",
    "tempfile.TemporaryDirectory().cleanup()",
    "os.remove(free / 'link')",
    "shutil.rmtree(free)",
    "os.kill(os.getpid(), 0)",
    "socket.gethostname()",
]

ALLOWED = [
    ("network", "socket.gethostbyname('localhost')"),
    ("network", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))"),
    ("subprocess", "subprocess.run(['true'], check=True)"),
    ("subprocess", "os.system('true')"),
    ("subprocess", "multiprocessing.get_context('spawn').Process(target=print).start()"),
    ("kept", "open(kept / 'new', 'w')"),
    ("kept/old", "os.utime(kept / 'old', (0, 0))"),
]

NOT_ALLOWED = [(allow, "open(kept / 'old', 'w')") for allow in ("network", "subprocess", "kept/new")]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What came of each statement with what is allowed, and the folder `kept` afterwards."""
    cases = [(None, statement) for statement in REFUSED + PASSED] + ALLOWED + NOT_ALLOWED
    tasks = []
    for allow, statement in cases:
        folder = tmp_path_factory.mktemp("guarded")
        for name in ("free", "kept"):
            (folder / name).mkdir()
            (folder / name / "old").write_text("content")
        (folder / "free/link").symlink_to(folder / "kept/old")
        paths = [str(folder / allow) if "kept" in allow else allow] if allow is not None else []
        tasks.append((statement, str(folder), paths))
    command = [sys.executable, "-c", SETTING]
    run = subprocess.run(command, input=json.dumps(tasks), capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    said = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('"')]
    folders = [Path(folder) / "kept" for _, folder, _ in tasks]
    return dict(zip(cases, zip(said, folders, strict=True), strict=True))


@pytest.mark.parametrize("statement", REFUSED)
def test_is_refused_and_told(statement: str, outcomes: Outcomes) -> None:
    said, kept = outcomes[None, statement]
    assert said.startswith("resnet-lint blocks ")
    assert said.endswith("(1 reported)")
    assert [path.name for path in kept.iterdir()] == ["old"]
    assert (kept / "old").read_text() == "content"


@pytest.mark.parametrize("statement", PASSED)
def test_is_let_pass(statement: str, outcomes: Outcomes) -> None:
    assert outcomes[None, statement][0] == "done"


@pytest.mark.parametrize(("allow", "statement"), ALLOWED)
def test_what_is_allowed_is_let_pass(allow: str, statement: str, outcomes: Outcomes) -> None:
    assert outcomes[allow, statement][0] == "done"


@pytest.mark.parametrize(("allow", "statement"), NOT_ALLOWED)
def test_what_is_not_allowed_is_still_refused(allow: str, statement: str, outcomes: Outcomes) -> None:
    assert outcomes[allow, statement][0].startswith("resnet-lint blocks writing ")


# Each line tries something, and ignores the error if it is blocked.
TRYING = """
import subprocess
from torch import nn

class Net(nn.Linear):
    def __init__(self):
        super().__init__(8, 8)
        for attempt in range(1000):
            try:
                open({mark!r}, "w").close()
            except OSError:
                pass
        try:
            subprocess.run(["true"])
        except OSError:
            pass
"""


@pytest.mark.parametrize(
    ("options", "configuration", "refused"),
    [
        ((), "", [(10, "writing {mark}"), (14, "starting another process")]),
        ((), "allow = ['subprocess']", [(10, "writing {mark}")]),
        ((), "allow = ['./runs', 'subprocess']", []),
        ((), "guard = false", []),
        (("--no-guard",), "", []),
        (("--guard",), "guard = false", [(10, "writing {mark}"), (14, "starting another process")]),
    ],
)
def test_what_is_refused_is_told_once_and_the_rest_is_checked(
    options: tuple[str, ...], configuration: str, refused: list[tuple[int, str]], tmp_path: Path, lint: Lint
) -> None:
    (tmp_path / "runs").mkdir()
    mark = tmp_path / "runs/mark"
    (tmp_path / "model.py").write_text(TRYING.format(mark=str(mark)))
    (tmp_path / "pyproject.toml").write_text(f"[tool.resnet-lint]\n{configuration}\n")
    result = lint(tmp_path / "model.py", "--format", "json", "--config", tmp_path / "pyproject.toml", *options)
    report = json.loads(result.stdout)
    reported = [(found["start"]["line"], found["message"]) for found in report["findings"] if found["rule"] == "RL006"]
    words = "blocked during the check: "
    assert reported == [(line, words + what.format(mark=mark)) for line, what in refused]
    assert (result.exit_code, report["summary"]["findings"], report["summary"]["checked"]) == (0, len(reported), 1)
    assert mark.exists() is (not any("writing" in what for _, what in refused))
