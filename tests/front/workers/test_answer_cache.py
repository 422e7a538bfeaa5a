"""The cache: what an answer depends on, what is not kept, and what becomes of a folder that is not as it should be.

First with answers that are made up, then from the command line with real ones.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from resnet_lint.front.cli import main
from resnet_lint.front.fix.verify import Fixer
from resnet_lint.front.workers.answer_cache import Cache
from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.shared.errors import ToolFault, WorkerError
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.places import Position, Span
from resnet_lint.shared.records.reports import ClassStatus, FileReport
from resnet_lint.shared.records.requests import CheckRequest, Interpreter, Target


class Analyser:
    """Replaces the workers: counts its answers, and reports the given files as read."""

    interpreter = None

    def __init__(self, *reads: Path) -> None:
        self.answers = 0
        self.reads: tuple[Path, ...] | None = reads
        self.error: Exception | None = None

    def analyse(self, request: CheckRequest) -> FileReport:
        self.answers += 1
        if self.error is not None:
            raise self.error
        reads = None if self.reads is None else {str(path): digest(path) for path in self.reads}
        place = Span(request.path, Position(1, 2), Position(3, 4))
        finding = Finding("RL101", "fake", "error", f"answer {self.answers}", place, module_paths=("a", "b"))
        status = ClassStatus(request.path, "Net", 1, "checked")
        notes = ("a note",)
        return FileReport(request.path, (finding,), (status,), notes, reads=reads)


def digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


@dataclasses.dataclass(frozen=True)
class Project:
    """A file and what its answer depends on, all in a folder of the test's own."""

    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "model.py"

    @property
    def helper(self) -> Path:
        return self.folder / "helper.py"

    @property
    def entries(self) -> list[Path]:
        return [path for path in (self.folder / "cache").iterdir() if path.is_file()]

    def interpreter(self, torch: str = "2.13.0") -> Interpreter:
        return Interpreter("/usr/bin/python3", "3.11.7", torch, (str(self.folder / "site-packages"), "/no/such/folder"))

    def request(self, **fields: object) -> CheckRequest:
        given = {"path": str(self.model), "rule_folders": (str(self.folder / "rules"),), **fields}
        return CheckRequest(**given)  # type: ignore[arg-type]

    def ask(self, analyser: Analyser, request: CheckRequest | None = None, torch: str = "2.13.0") -> FileReport:
        """Ask in a new run."""
        with Cache(analyser, partial(self.interpreter, torch), self.folder / "cache") as cache:
            return cache.analyse(request or self.request())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("model.py", "helper.py", "rules/mine.py", "site-packages/timm-1.0.dist-info/RECORD"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    return Project(tmp_path)


def test_what_has_not_changed_is_not_asked_again(project: Project) -> None:
    analyser = Analyser(project.model, project.helper)
    first, again = project.ask(analyser), project.ask(analyser)
    assert first == again
    assert analyser.answers == 1


def append(path: str, project: Project) -> None:
    with (project.folder / path).open("a") as file:
        file.write("# changed\n")


def create(path: str, project: Project) -> None:
    (project.folder / path).parent.mkdir(exist_ok=True)
    (project.folder / path).touch()


def remove(path: str, project: Project) -> None:
    (project.folder / path).unlink()


@pytest.mark.parametrize(
    "change",
    [
        partial(append, "model.py"),
        partial(append, "helper.py"),
        partial(remove, "helper.py"),
        partial(create, "missing.py"),
        partial(append, "rules/mine.py"),
        partial(create, "rules/new.py"),
        partial(append, "site-packages/timm-1.0.dist-info/RECORD"),
        partial(create, "site-packages/new-2.0.dist-info/RECORD"),
        partial(create, "site-packages/old-2.0.egg-info/RECORD"),
    ],
    ids=lambda change: f"{change.func.__name__} {change.args[0]}",
)
def test_what_an_answer_depends_on(change: Callable[[Project], None], project: Project) -> None:
    analyser = Analyser(project.model, project.helper, project.folder / "missing.py")
    project.ask(analyser)
    change(project)
    assert project.ask(analyser).findings[0].message == "answer 2"
    assert project.ask(analyser).findings[0].message == "answer 2"


@pytest.mark.parametrize("path", ["unrelated.py", "site-packages/timm.py", "rules/notes.txt"])
def test_what_an_answer_does_not_depend_on(path: str, project: Project) -> None:
    analyser = Analyser(project.model, project.helper)
    project.ask(analyser)
    create(path, project)
    os.utime(project.model)
    project.ask(analyser)
    assert analyser.answers == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"only_class": "Net"},
        {"targets": (Target("Net", "Net()"),)},
        {"targets": (Target("Net", inputs=("x=2x3x8x8",)),)},
        {"seconds": 5.0},
        {"source": "another text"},
        {"quick": True},
        {"rule_folders": ()},
    ],
    ids=str,
)
def test_each_question_has_an_answer_of_its_own(fields: dict[str, object], project: Project) -> None:
    analyser = Analyser(project.model)
    for _ in range(2):
        assert project.ask(analyser).findings[0].message == "answer 1"
        assert project.ask(analyser, project.request(**fields)).findings[0].message == "answer 2"


def test_another_torch_is_asked_anew(project: Project) -> None:
    analyser = Analyser(project.model)
    project.ask(analyser)
    project.ask(analyser, torch="2.14.0")
    assert analyser.answers == 2


def test_another_working_folder_is_asked_anew(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    analyser = Analyser(project.model)
    project.ask(analyser)
    monkeypatch.chdir(project.folder)
    project.ask(analyser)
    assert analyser.answers == 2


def test_the_answers_of_two_branches_stay(project: Project) -> None:
    analyser = Analyser(project.model)
    one, two = project.model.read_text(), "# the other branch\n"
    for text in (one, two, one, two):
        project.model.write_text(text)
        project.ask(analyser)
    assert analyser.answers == 2


def test_a_file_that_changes_during_a_run(project: Project) -> None:
    analyser = Analyser(project.model, project.helper)
    project.ask(analyser)
    with Cache(analyser, project.interpreter, project.folder / "cache") as cache:
        assert cache.analyse(project.request()).findings[0].message == "answer 1"
        append("helper.py", project)
        assert cache.analyse(project.request()).findings[0].message == "answer 2"


def test_what_another_try_may_not_give_is_not_kept(project: Project) -> None:
    analyser = Analyser()
    analyser.reads = None
    assert project.ask(analyser).findings[0].message == "answer 1"
    assert project.ask(analyser).findings[0].message == "answer 2"
    assert project.entries == []


def test_errors_are_raised_and_not_kept(project: Project) -> None:
    analyser = Analyser(project.model)
    for error in (ToolFault("a fault"), WorkerError("no worker")):
        analyser.error = error
        with pytest.raises(type(error)):
            project.ask(analyser)
    analyser.error = None
    assert project.ask(analyser).findings[0].message == "answer 3"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"answer 1", b"answer 7"),
        lambda data: b"\x00" * len(data),
        lambda data: data + b"x",
        lambda data: b"[1, 2, 3]",
    ],
    ids=["empty", "half", "other text", "zeros", "longer", "not ours"],
)
def test_a_damaged_entry_is_made_anew(damage: Callable[[bytes], bytes], project: Project) -> None:
    analyser = Analyser(project.model)
    project.ask(analyser)
    [entry] = project.entries
    entry.write_bytes(damage(entry.read_bytes()))
    assert [project.ask(analyser).findings[0].message for _ in range(2)] == ["answer 2", "answer 2"]


def test_an_entry_that_is_a_folder(project: Project) -> None:
    analyser = Analyser(project.model)
    project.ask(analyser)
    [entry] = project.entries
    entry.unlink()
    entry.mkdir()
    assert project.ask(analyser).findings[0].message == "answer 2"


def test_a_folder_that_cannot_be_written(project: Project) -> None:
    (project.folder / "cache").write_text("a file in place of the folder")
    analyser = Analyser(project.model)
    assert [project.ask(analyser).findings[0].message for _ in range(2)] == ["answer 1", "answer 2"]


def test_what_was_of_no_use_for_long_goes(project: Project) -> None:
    analyser = Analyser(project.model)
    for number in range(3):
        project.ask(analyser, project.request(only_class=f"Net{number}"))
    month_ago = time.time() - 31 * 24 * 3600
    for entry in project.entries:
        os.utime(entry, (month_ago, month_ago))
    project.ask(analyser, project.request(only_class="Net1"))  # a use
    project.ask(analyser, project.request(only_class="Net3"))  # room is made when something comes in
    assert analyser.answers == 4
    assert len(project.entries) == 2
    project.ask(analyser, project.request(only_class="Net1"))
    assert analyser.answers == 4


def test_the_oldest_go_where_it_is_too_much(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    analyser = Analyser(project.model)
    project.ask(analyser)
    [first] = project.entries
    os.utime(first, (1e9 * 1.5, time.time() - 60))
    monkeypatch.setattr("resnet_lint.front.workers.answer_cache._MOST_BYTES", first.stat().st_size * 3 // 2)
    project.ask(analyser, project.request(only_class="Net1"))
    [left] = project.entries
    assert left != first


def ask_often(project: Project) -> bool:
    """In a new process."""
    reports = [project.ask(Analyser(project.model), project.request(only_class=f"Net{n % 5}")) for n in range(50)]
    return all(report.findings[0].message == "answer 1" for report in reports)


def test_several_processes_at_once(project: Project) -> None:
    with ProcessPoolExecutor(4) as pool:
        assert all(pool.map(ask_often, [project] * 4))
    assert len(project.entries) == 5


@dataclasses.dataclass
class Counting:
    """The real workers, with a count of what they were asked."""

    workers: WorkerClient
    asked: int = 0

    @property
    def interpreter(self) -> Interpreter | None:
        return self.workers.interpreter

    def analyse(self, request: CheckRequest) -> FileReport:
        self.asked += 1
        return self.workers.analyse(request)


@dataclasses.dataclass(frozen=True)
class Runs:
    """Runs of the command line on one folder, with a cache of their own."""

    folder: Path
    workers: Counting

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)

    def lint(self, *options: str) -> tuple[str, bool]:
        """The report without its seconds, and whether it came from the cache."""
        before = self.workers.asked
        result = CliRunner().invoke(main, [str(self.folder / "model.py"), *options], prog_name="resnet-lint")
        assert result.exit_code in (0, 1), result.output
        return re.sub(r"[\d.]+ s$", "", result.stdout, flags=re.MULTILINE), self.workers.asked == before


@pytest.fixture
def runs(workers: WorkerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    assert workers.interpreter is not None
    chosen, counting = workers.interpreter, Counting(workers)
    monkeypatch.setattr("resnet_lint.front.workers.interpreter.choose", lambda named, near, remember: chosen)
    monkeypatch.setattr(
        "resnet_lint.front.workers.worker_client.WorkerClient", lambda choose, provide: nullcontext(counting)
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "project").mkdir()
    return Runs(tmp_path / "project", counting)


MODEL = """\
import torch
from torch import nn

{start}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, {channels}, 3, padding=1)

    def forward(self, x):
        {body}
        return x + self.conv(x)


if __name__ == "__main__":
    Net()(torch.randn(2, 3, 8, 8))
"""


def model(start: str = "", channels: str = "3", body: str = "pass") -> str:
    return MODEL.format(start=start, channels=channels, body=body)


def test_a_report_from_the_cache_is_the_same(runs: Runs) -> None:
    runs.write(model=model(channels="4"))
    for options in ([], ["--verbose"], ["--diff"]):
        report, _ = runs.lint(*options)
        assert runs.lint(*options) == (report, True)


def test_what_is_selected_is_no_part_of_the_question(runs: Runs) -> None:
    runs.write(model=model(channels="4"))
    assert "RL101" in runs.lint()[0]
    report, from_cache = runs.lint("--ignore", "RL101")
    assert from_cache
    assert "RL101" not in report


@pytest.mark.parametrize("options", [["--no-cache"], ["--call", "Net()"], ["--timeout", "50"]], ids=" ".join)
def test_options_that_ask_anew(options: list[str], runs: Runs) -> None:
    runs.write(model=model())
    runs.lint()
    assert not runs.lint(*options)[1]


def test_no_cache_keeps_nothing(runs: Runs) -> None:
    runs.write(model=model())
    runs.lint("--no-cache")
    assert not runs.lint()[1]


CONFIG = "import json, pathlib\nCONFIG = json.loads(pathlib.Path(__file__).with_name('config.json').read_text())"


@pytest.mark.parametrize(
    ("start", "channels", "file"),
    [
        ("from layers import CHANNELS", "CHANNELS", "layers.py"),
        ("import between", "between.layers.CHANNELS", "layers.py"),
        (CONFIG, "CONFIG['channels']", "config.json"),
    ],
    ids=["module", "module of a module", "data"],
)
def test_a_file_that_the_model_reads(start: str, channels: str, file: str, runs: Runs) -> None:
    runs.write(model=model(start, channels), between="import layers", layers="CHANNELS = 3")
    (runs.folder / "config.json").write_text('{"channels": 3}')
    report, _ = runs.lint()
    assert runs.lint() == (report, True)
    (runs.folder / file).write_text({"layers.py": "CHANNELS = 4", "config.json": '{"channels": 4}'}[file])
    report, from_cache = runs.lint()
    assert not from_cache
    assert "RL101" in report
    assert runs.lint() == (report, True)


@pytest.mark.parametrize("file", ["layers.py", "layers/__init__.py"])
def test_a_module_that_was_missing_and_comes(file: str, runs: Runs) -> None:
    runs.write(model=model("from layers import CHANNELS", "CHANNELS"))
    report, _ = runs.lint()
    assert "layers" in report
    (runs.folder / file).parent.mkdir(exist_ok=True)
    (runs.folder / file).write_text("CHANNELS = 4")
    assert "RL101" in runs.lint()[0]


def test_a_file_in_a_package_whose_sibling_breaks(runs: Runs) -> None:
    runs.write(__init__="", layers="CHANNELS = 4", model=model("from .layers import CHANNELS", "CHANNELS"))
    assert "RL101" in runs.lint()[0]
    runs.write(layers="CHANNELS = 4 4")
    assert "invalid syntax" in runs.lint()[0]
    runs.write(layers="CHANNELS = 4")
    assert "RL101" in runs.lint()[0]


def test_a_file_that_ends_its_process_is_asked_anew(runs: Runs) -> None:
    runs.write(model=model("import os\nx = os._exit(3)"))
    assert [runs.lint()[1] for _ in range(2)] == [False, False]


def test_what_met_the_time_limit_is_asked_anew_with_another_one(runs: Runs) -> None:
    runs.write(model=model(body="while True: pass"))
    limits = ("1", "1", "1.5", "1")
    assert [runs.lint("--timeout", limit)[1] for limit in limits] == [False, True, False, True]
    assert not runs.lint("--timeout", "1", "--no-cache")[1]


def test_an_answer_on_all_classes_is_kept_though_time_was_up_for_something(runs: Runs) -> None:
    runs.write(model=model("x = [0 for _ in iter(int, 1)]"))
    assert [runs.lint("--timeout", "1")[1] for _ in range(2)] == [False, True]


def test_fixes_are_kept_where_another_class_meets_the_time_limit(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = model("", body="x = [0 for _ in iter(int, 1)]").replace("Net", "Slow").partition("if __name__")[0]
    runs.write(model=model(slow, channels="4"))
    report = runs.lint("--timeout", "1")[0]
    assert "RL101" in report and "RL004 Slow" in report
    monkeypatch.delattr("resnet_lint.front.fix.apply.Fixer")
    assert runs.lint("--timeout", "1") == (report, True)


def test_fixes_are_tried_once(runs: Runs) -> None:
    broken = model(channels="4")
    runs.write(model=broken)
    runs.lint("--diff")
    asked = runs.workers.asked
    runs.lint("--fix")
    fixed = (runs.folder / "model.py").read_text()
    assert fixed != broken
    assert runs.workers.asked == asked
    report, from_cache = runs.lint()
    assert not from_cache
    assert "0 errors" in report


def test_fixes_are_looked_for_again_only_if_something_has_changed(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.write(model=model("import layers", channels="4"), layers="a = 1")
    looked_for: list[str] = []

    def counted(request: CheckRequest, *others: Any) -> Fixer:
        looked_for.append(request.path)
        return Fixer(request, *others)

    monkeypatch.setattr("resnet_lint.front.fix.apply.Fixer", counted)
    report = runs.lint()[0]
    assert "fix (verified)" in report
    for options, is_new in (([], False), (["--jobs", "1"], False), (["--no-cache"], True), (["--unsafe-fixes"], True)):
        looked_for.clear()
        assert (runs.lint(*options)[0], bool(looked_for)) == (report, is_new)
    looked_for.clear()
    assert "fix (verified)" not in runs.lint("--ignore", "RL101")[0]
    runs.write(layers="a = 2")  # of the same size
    assert (runs.lint()[0], len(looked_for)) == (report, 1)
    runs.write(model=model("import layers", channels="5"))
    assert "5" in runs.lint()[0]
    assert len(looked_for) == 2
