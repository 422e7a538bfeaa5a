"""Parallel checks: the order of the results, the number of concurrent checks, and cleanup after an interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Lint

from resnet_lint.front.workers.in_order import in_order, usable_cores
from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.front.workers.worker_process import StartedWorker
from resnet_lint.shared.errors import WorkerError
from resnet_lint.shared.records.requests import CheckRequest

ROOT = Path(__file__).parents[3]

# It says that it is at work, by the names of its process and of its parent's, and then is for a long time.
HANGING = """
import os
import tempfile
import time
from torch import nn

class Net(nn.Module):
    with open(f"{tempfile.gettempdir()}/at-work-{os.getpid()}-{os.getppid()}", "w"):
        time.sleep(30)
"""

SLOW_AND_SOUND = """
import time
from torch import nn

class Slow(nn.Linear):
    time.sleep(0.5)
"""

BROKEN = """
from torch import nn

class Block(nn.Module):
    def __init__(self, cin=4, cout=8):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 1)

    def forward(self, x):
        return self.conv(x) + x

class Net(Block):
    pass
"""


def test_results_come_in_the_order_of_the_items_whichever_is_done_first() -> None:
    second_is_done = threading.Event()

    def work(item: str) -> str:
        if item == "first":
            assert second_is_done.wait(30)
        else:
            second_is_done.set()
        return item.upper()

    assert in_order(work, ["first", "second"], 2) == ["FIRST", "SECOND"]


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_files_are_checked_at_once_than_there_are_jobs(jobs: int) -> None:
    gate = threading.Barrier(jobs)
    running, most = [], []

    def work(item: int) -> None:
        running.append(item)
        most.append(len(running))
        gate.wait(30)  # breaks unless just as many come here as there are jobs
        running.remove(item)
        gate.wait(30)

    in_order(work, range(4 * jobs), jobs)
    assert max(most) == jobs


def test_an_error_is_raised_and_waiting_items_are_dropped() -> None:
    began = []

    def work(item: int) -> None:
        began.append(item)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_order(work, range(1000), 1)
    assert len(began) < 1000


def test_usable_cores_are_those_of_this_process() -> None:
    assert usable_cores() == len(os.sched_getaffinity(0))


def test_the_report_is_the_same_with_one_job_and_with_more(tmp_path: Path, lint: Lint) -> None:
    for name, text in zip("abcd", (SLOW_AND_SOUND, BROKEN, "import torch\nclass Net(", BROKEN), strict=True):
        (tmp_path / f"{name}.py").write_text(text)
    one, more = (lint(tmp_path, "--format", "json", "--jobs", jobs) for jobs in (1, 3))
    reports = [json.loads(result.stdout) for result in (one, more)]
    for report in reports:
        del report["summary"]["seconds"]
    assert reports[0] == reports[1]
    assert [finding["rule"] for finding in reports[0]["findings"]] == ["RL101", "RL001", "RL101"]
    assert (one.exit_code, more.exit_code) == (1, 1)


def test_a_fix_counts_for_the_files_that_import_what_it_fixes(tmp_path: Path, lint: Lint) -> None:
    """With any number of jobs."""
    (tmp_path / "a_block.py").write_text(BROKEN)
    (tmp_path / "net.py").write_text("from a_block import Block\n\nclass Other(Block):\n    pass\n")
    result = lint(tmp_path, "--fix", "--jobs", 2)
    assert (result.exit_code, result.stderr) == (0, ""), result.stdout
    assert "1 fixed in 1 file, 0 errors, 0 warnings; 3 classes checked" in result.stdout


@dataclass(frozen=True)
class Command:
    """A running command in its own process group; `temporary` is the parent of its temporary folders."""

    process: subprocess.Popen[str]
    temporary: Path

    def at_work(self) -> set[int]:
        """The processes that check files, and their parents."""
        marks = self.temporary.rglob("at-work-*")
        return {int(number) for mark in marks for number in mark.name.split("-")[2:]}


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Command]:
    """A run with two jobs over files that hang, when both are at it."""
    temporary, models = tmp_path / "temporary", tmp_path / "models"
    temporary.mkdir()
    models.mkdir()
    for number in range(4):
        (models / f"model{number}.py").write_text(HANGING)
    process = subprocess.Popen(
        [sys.executable, "-m", "resnet_lint", "--jobs", "2", str(models)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    command = Command(process, temporary)
    with process:
        wait_until(lambda: len(command.at_work()) == 3)  # two children of one worker
        yield command
        process.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it does not come to pass")


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_an_interrupt_ends_everything_at_once(hanging: Command) -> None:
    at_work = hanging.at_work()
    os.killpg(hanging.process.pid, signal.SIGINT)  # as a terminal does
    output, errors = hanging.process.communicate(timeout=30)
    assert (hanging.process.returncode, output, errors) == (130, "", "\nresnet-lint: interrupted\n")
    assert all(map(is_gone, at_work))
    assert list(hanging.temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_worker_ends_when_the_front_is_killed(number: signal.Signals, hanging: Command) -> None:
    at_work = hanging.at_work()
    hanging.process.send_signal(number)
    wait_until(lambda: all(map(is_gone, at_work)))
    assert list(hanging.temporary.iterdir()) == []


# A named process that outlives its parent, in its own session; the guard does not notice its start.
LEAVING = """
import ctypes
import os
import tempfile
import time
from torch import nn

libc = ctypes.CDLL(None)
mark = tempfile.gettempdir() + "/mark"

class Net(nn.Linear):
    if libc.fork() == 0:
        os.setsid()
        if libc.fork() == 0:
            libc.prctl(15, b"{name}")
            open(mark, "w").close()
            time.sleep(30)
        os._exit(0)
    while not os.path.exists(mark):
        time.sleep(0.01)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, orphans are not handed to the worker")
def test_no_process_of_a_file_outlives_its_check(tmp_path: Path, lint: Lint) -> None:
    name = f"left-{os.getpid()}"
    (tmp_path / "model.py").write_text(LEAVING.format(name=name))
    assert "1 class checked" in lint(tmp_path).stdout
    assert name not in running_names()


def running_names() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):  # it has ended meanwhile
            yield process.read_text().strip()


# A worker that dies of the request "killer", the first time when another request is at work in it.
DYING_WORKER = """
import json
import pathlib
import sys

ANSWER = {"record": "Ended", "reason": "it was checked before", "line": None}
has_died = pathlib.Path(sys.argv[1])
print(json.dumps("/no/such/folder"), flush=True)
at_work = []
for line in sys.stdin:
    at_work.append(json.loads(line))
    names = [message["request"]["path"] for message in at_work]
    if "killer" in names and (has_died.exists() or len(names) == 2):
        has_died.touch()
        sys.exit(1)
    if "killer" not in names and has_died.exists():
        print(json.dumps({"id": at_work.pop()["id"], "answer": ANSWER}), flush=True)
"""


def test_a_file_that_kills_the_worker_costs_no_other_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DYING_WORKER, str(tmp_path / "has-died")]
    with WorkerClient(provide=lambda interpreter: StartedWorker(command)) as workers:
        reports = in_order(
            workers.analyse, [CheckRequest("innocent"), CheckRequest("killer"), CheckRequest("later")], 2
        )
    assert [finding.message for report in reports for finding in report.findings] == [
        "cannot be checked: it was checked before",
        "cannot be checked: it kills the process that checks it",
        "cannot be checked: it was checked before",
    ]


def test_a_worker_that_cannot_start_is_reported_once() -> None:
    command = [sys.executable, "-c", "exit(3)"]
    workers = WorkerClient(provide=lambda interpreter: StartedWorker(command))
    with workers, pytest.raises(WorkerError, match="ended with exit code 3; does torch work there"):
        in_order(workers.analyse, [CheckRequest("a"), CheckRequest("b")], 2)


def test_shards_are_even_and_share_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lint: Lint) -> None:
    for name in ("b/deep/net.py", "a/net.py", "net.py", "a/other.py", "zoo.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("from torch import nn\n\nclass Net(nn.Linear): ...\n")
    (tmp_path / "plain.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)

    def share(shard: str, *paths: str) -> list[str]:
        report = json.loads(lint(*paths, "--shard", shard, "--format", "json").stdout)
        return [module["target"].partition("::")[0] for module in report["modules"]]

    shares = [share(f"{number}/3", ".") for number in (1, 2, 3)]
    assert shares == [["a/net.py", "net.py"], ["a/other.py", "zoo.py"], ["b/deep/net.py"]]
    assert share("1/1", ".") == sorted(name for names in shares for name in names)
    assert share("2/3", "zoo.py", "net.py", "b", "a") == ["zoo.py", "a/other.py"]  # in the given order


def test_a_shard_without_files_says_so(tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "model.py").write_text(BROKEN)
    result = lint(tmp_path, "--shard", "2/2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "nothing was checked: no files in shard 2/2" in result.stdout


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "1/", "1/0", "a/b", "-1/2", "1/2/3", "½/2"])
def test_invalid_shards(shard: str, tmp_path: Path, lint: Lint) -> None:
    result = lint(tmp_path, "--shard", shard)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"resnet-lint: --shard: {shard!r} must be K/N, the Kth of N parts, such as 2/4\n"
