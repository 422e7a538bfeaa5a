"""Several files at a time: the order of the results, the number at work, and what is left when a run is broken off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Lint

from resnet_lint.parallel import in_order, usable_cores

ROOT = Path(__file__).parents[1]

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
def test_no_more_are_at_work_than_there_are_jobs(jobs: int) -> None:
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


def test_an_error_is_raised_and_what_waits_is_left_out() -> None:
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


def test_a_fix_counts_for_the_files_that_import_what_it_mends(tmp_path: Path, lint: Lint) -> None:
    """However many are looked at at a time."""
    (tmp_path / "a_block.py").write_text(BROKEN)
    (tmp_path / "net.py").write_text("from a_block import Block\n\nclass Other(Block):\n    pass\n")
    result = lint(tmp_path, "--fix", "--jobs", 2)
    assert (result.exit_code, result.stderr) == (0, ""), result.stdout
    assert "1 fixed in 1 file, 0 errors, 0 warnings; 3 classes checked" in result.stdout


@dataclass(frozen=True)
class Command:
    """The command line at work, in a group of processes of its own; `temporary` is where it makes its folders."""

    process: subprocess.Popen[str]
    temporary: Path

    def at_work(self) -> set[int]:
        """The processes that look at files, and their parents."""
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
