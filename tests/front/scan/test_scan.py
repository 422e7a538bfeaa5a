"""`resnet-lint scan`: the report of a check, wherever the files are checked; nothing lost, nothing doubled."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from conftest import Lint

from resnet_lint import __version__
from resnet_lint.front.check.report import View, render
from resnet_lint.front.options.configuration import Given
from resnet_lint.front.scan import task
from resnet_lint.front.scan.dispatch import dispatched
from resnet_lint.front.scan.group import Checkout, Group
from resnet_lint.front.scan.grouping import grouped
from resnet_lint.front.scan.scan import Engine, Progress, Scanned, scan
from resnet_lint.front.scan.targets import read_targets
from resnet_lint.rule_loader import load_rules
from resnet_lint.shared.errors import UsageError

BROKEN = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)


Block()(torch.zeros(2, 8, 16, 16))
"""
SECRET = """
import os

import torch
from torch import nn

if "TOKEN_OF_CLUSTER" in os.environ:
    raise RuntimeError("seen")


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x):
        return x + self.layer(x)
"""
GIVEN = Given({"cache": False, "timeout": 30.0})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "block.py").write_text(BROKEN)
    (folder / "models" / "secret.py").write_text(SECRET)
    (folder / "unreadable.py").write_text("from torch import nn\nclass Block(nn.Module\n")
    (folder / "plain.py").write_text("x = 1\n")
    return folder


def scanned_in_threads(targets: list[str], journal: Path, given: Given = GIVEN, **options: Any) -> list[Scanned]:
    with ThreadPoolExecutor(2) as executor:
        engine = Engine(executor, 2)
        found = list(scan(read_targets(targets, Path.cwd()), engine, given, journal, **options))
    task._warm.close()
    return found


def test_the_report_is_that_of_a_check_and_secrets_stay_out(
    repository: Path, tmp_path: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_OF_CLUSTER", "secret")
    [scanned] = scanned_in_threads([str(repository)], tmp_path / "journal.jsonl", diff=False)
    monkeypatch.delenv("TOKEN_OF_CLUSTER")
    monkeypatch.chdir(repository)
    assert scanned.run is not None
    report = json.loads(render("json", scanned.run, View(repository, rules=load_rules([]))))
    one = json.loads(lint(".", "--format", "json").stdout)
    report["summary"].pop("seconds")
    one["summary"].pop("seconds")
    assert report == one
    assert {finding["rule"] for finding in one["findings"]} >= {"RL001"}
    assert "seen" not in json.dumps(report)


# --- The engine: any executor, whatever happens to its workers ------------------------------------


class Unreliable(Executor):
    """An executor whose workers die; `dies` decides by the number of the call and its files."""

    def __init__(self, dies: Callable[[int, list[str]], bool]) -> None:
        self.calls = 0
        self.dies = dies

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.calls += 1
        if self.dies(self.calls, args[0]["files"]):
            future.set_exception(BrokenProcessPool("a worker died"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def group(*files: str) -> Group:
    return Group(__version__, "r", Checkout("/r", None), "/r", "", "/r", False, files)


def names_of(data: Any) -> Any:
    return list(data["files"])


@pytest.mark.parametrize("seed", range(20))
def test_no_file_is_lost_or_doubled_while_workers_die(seed: int) -> None:
    files = [f"{number}.py" for number in range(100)]
    groups = [group(*files[at : at + 7]) for at in range(0, 100, 7)]
    chance = random.Random(seed)
    executor = Unreliable(lambda call, names: chance.random() < 0.3)
    done = list(dispatched(groups, executor, work=names_of))
    counted = Counter(
        name for group, outcome in done for name in (group.files if isinstance(outcome, str) else outcome)
    )
    assert counted == Counter(files)


def test_a_file_that_kills_its_workers_costs_no_other_file() -> None:
    executor = Unreliable(lambda call, names: "bad.py" in names)
    done = {
        group.files: outcome
        for group, outcome in dispatched([group("a.py", "bad.py", "b.py")], executor, work=names_of)
    }
    assert done.pop(("bad.py",)) == "it kills the process that checks it (BrokenProcessPool)"
    assert done == {("a.py",): ["a.py"], ("b.py",): ["b.py"]}


def test_a_lost_file_is_a_finding(repository: Path, tmp_path: Path) -> None:
    executor = Unreliable(lambda call, names: True)
    [scanned] = scan(read_targets([str(repository)], Path()), Engine(executor), GIVEN, tmp_path / "journal.jsonl")
    assert scanned.run is not None
    messages = {Path(f.span.path).name: f.message for f in scanned.run.findings}
    assert messages["block.py"] == "cannot be checked: it kills the process that checks it (BrokenProcessPool)"
    assert set(messages) == {"block.py", "secret.py", "unreadable.py"}


def test_a_lost_scheduler_ends_the_scan() -> None:
    executor = Unreliable(lambda call, names: True)
    with pytest.raises(UsageError, match="the connection to the scheduler is lost; go on with --resume"):
        list(dispatched([group("a.py")], executor, is_alive=lambda: False))


def test_an_executor_that_takes_no_work_is_one_line() -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(UsageError, match="the executor takes no work: cannot schedule new futures after shutdown"):
        list(dispatched([group("a.py")], executor))


def test_version_skew_names_both() -> None:
    with pytest.raises(UsageError, match=rf"a worker has resnet-lint {__version__}, and the client 9\.9"):
        task.check_group({"version": "9.9"})


def test_groups_are_balanced_by_recorded_times() -> None:
    files = {"a": [("slow.py", ""), ("x.py", ""), ("y.py", "Net")], "b": [("z.py", "")]}
    known = {("a", "slow.py"): 19.0, ("a", "x.py"): 1.0, ("a", "y.py"): 1.0, ("b", "z.py"): 4.0}
    assert grouped(files, known, 1) == [
        ("a", ("slow.py",), 19.0),
        ("b", ("z.py",), 4.0),
        ("a", ("x.py", "y.py::Net"), 2.0),
    ]


# --- Resuming -------------------------------------------------------------------------------------


def test_a_scan_goes_on_where_it_was_killed(repository: Path, tmp_path: Path) -> None:
    journal, sent = tmp_path / "journal.jsonl", list[str]()

    def dies(call: int, names: list[str]) -> bool:
        sent.extend(names)
        return True

    engine = Engine(Unreliable(dies))
    targets = read_targets([str(repository)], Path())
    first = list(scan(targets, engine, GIVEN, journal))
    sent.clear()
    with open(journal, "a") as file:
        file.write('{"repository": "torn')  # killed while it wrote
    (repository / "models" / "block.py").write_text(BROKEN + "\n")
    second = list(scan(targets, engine, GIVEN, journal))
    assert set(sent) == {"models/block.py"}  # which has changed
    assert [f.message for f in second[0].run.findings] == [f.message for f in first[0].run.findings]  # type: ignore[union-attr]


def test_an_environment_without_torch_is_one_line(repository: Path, tmp_path: Path) -> None:
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    listed = tmp_path / "list.txt"
    listed.write_text("repository - env\n")
    [scanned] = scanned_in_threads([str(listed)], tmp_path / "journal.jsonl")
    assert scanned.run is None
    assert scanned.repository.problem is not None
    assert "no torch" in scanned.repository.problem


def test_the_time_left_is_that_of_the_expected_seconds() -> None:
    progress = Progress(expected={("r", "a"): 1.0, ("r", "b"): 3.0})
    assert progress.seconds_left is None
    progress.began -= 10
    progress.add(group("a"))
    assert (progress.done, progress.files) == (1, 2)
    assert progress.seconds_left == pytest.approx(30, abs=1)


# --- Dask -----------------------------------------------------------------------------------------


def test_an_unreachable_scheduler_is_one_line(repository: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resnet_lint.front.scan.dask_engine._CONNECT_SECONDS", 0.3)
    result = lint("scan", repository, "--scheduler", "tcp://127.0.0.1:9", "--results", repository / "results")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("resnet-lint: no scheduler answers at tcp://127.0.0.1:9: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_command_from_clone_to_page(repository: Path, tmp_path: Path, lint: Lint) -> None:
    results, patches = tmp_path / "results", tmp_path / "patches"
    arguments = ["scan", repository, "--results", results, "--workers", "1", "--patches", patches, "--no-cache"]
    result = lint(*arguments)
    assert result.exit_code == 1, result.stderr
    assert "dashboard: http://127.0.0.1:" in result.stderr
    assert f"{repository}: 2 errors, 0 warnings; 2 classes checked, 0 not checked\n" in result.stdout
    [patch] = patches.glob("*.patch")
    assert patch.name in (patches / "SUMMARY.md").read_text()
    assert (repository / "models" / "block.py").read_text() == BROKEN
    subprocess.run(["git", "apply", "--unsafe-paths", f"--directory={repository}", patch], check=True, cwd="/")
    assert (repository / "models" / "block.py").read_text() != BROKEN
    page = lint("report", "--results", results).stdout
    assert "models/block.py" in page
    assert lint("scan", repository, "--results", results, "--resume").stderr.endswith(
        f"--resume: no interrupted scan in {results}\n"
    )


def killed(data: Any) -> Any:
    if "bad.py" in data["files"]:
        os._exit(1)
    return list(data["files"])


@pytest.mark.slow
def test_a_file_that_kills_the_workers_of_dask() -> None:
    from resnet_lint.front.scan.dask_engine import local_engine

    groups = [group("a.py", "bad.py"), group("b.py"), group("c.py")]
    with local_engine(2) as (engine, _):
        done = list(dispatched(groups, engine.executor, engine.is_alive, work=killed))
    lost = [group.files for group, outcome in done if isinstance(outcome, str)]
    found = sorted(name for _, outcome in done if not isinstance(outcome, str) for name in outcome)
    assert (lost, found) == ([("bad.py",)], ["a.py", "b.py", "c.py"])
