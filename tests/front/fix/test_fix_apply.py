"""What `--fix` does to the disk: whole files, their mode, owner and links kept, nobody else's changes overwritten."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import Lint
from fixing import HEAD, block, fix, load, main_block, output_shape, write

from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.shared.records.reports import FileReport
from resnet_lint.shared.records.requests import CheckRequest
from resnet_lint.shared.source_text import decode

SCHEMA = json.loads((Path(__file__).parents[3] / "resnet_lint/front/check/report/schema.json").read_text())
NOBODY = 65534
SHAPE = (2, 4, 8, 8)
CONV = "self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)"
BROKEN = block([CONV, "self.norm = nn.BatchNorm2d(cout)"], ["return self.norm(self.conv(x)) + x"])
FIXED = "self.norm(self.conv(x)) + self.shortcut(x)"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path, BROKEN)


@contextmanager
def as_a_plain_user() -> Iterator[None]:
    """Tests that run as root would not notice that a file is read-only."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that a plain user can reach, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() == 0:
            os.chown(name, NOBODY, -1)
        yield Path(name)
        os.chmod(name, 0o700)


# --- what is written --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--diff",), ("--format", "json"), ("--unsafe-fixes",)])
def test_without_fix_nothing_is_written(options: tuple[str, ...], model: Path, lint: Lint) -> None:
    before = model.stat()
    assert lint(model, *options).exit_code == 1
    after = model.stat()
    assert model.read_text() == BROKEN
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert list(model.parent.iterdir()) == [model]


def test_fix_leaves_the_model_and_no_other_file(model: Path, lint: Lint) -> None:
    fix(lint, model)
    assert list(model.parent.iterdir()) == [model]


def test_fix_and_diff_exclude_each_other(model: Path, lint: Lint) -> None:
    result = lint(model, "--fix", "--diff")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "--fix" in result.stderr and "--diff" in result.stderr
    assert model.read_text() == BROKEN


def test_the_mode_of_the_file_stays(model: Path, lint: Lint) -> None:
    model.chmod(0o751)
    fix(lint, model)
    assert stat.S_IMODE(model.stat().st_mode) == 0o751


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_owner_of_the_file_stays(model: Path, lint: Lint) -> None:
    os.chown(model, NOBODY, NOBODY)
    fix(lint, model)
    assert (model.stat().st_uid, model.stat().st_gid) == (NOBODY, NOBODY)


def test_a_link_stays_a_link_and_its_target_is_fixed(model: Path, lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links/linked.py"
    link.symlink_to("../model.py")
    fix(lint, link)
    assert link.is_symlink()
    assert os.readlink(link) == "../model.py"
    assert FIXED in model.read_text()


def test_what_cannot_be_fixed_stays_and_is_reported(lint: Lint, tmp_path: Path) -> None:
    loop = """\
class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(8, 16, 1), nn.Conv2d(16, 32, 1)])

    def forward(self, x):
        for conv in self.convs:
            x = conv(x) + x
        return x


"""
    source = block([CONV], ["return self.conv(x) + x"], head=HEAD + loop, call="nn.Sequential(Block(4, 8, 2), Loop())")
    path = write(tmp_path, source)
    result = lint(path, "--fix", "--format", "json")
    assert result.exit_code == 1
    assert [found["module"] for found in json.loads(result.stdout)["findings"]] == ["Loop"]
    assert loop in path.read_text()
    assert output_shape(path, "Block(4, 8, 2)", SHAPE) == (2, 8, 4, 4)


def test_notes_that_a_fix_brings_to_light_do_not_count_against_it(lint: Lint, tmp_path: Path) -> None:
    """The normalization of the new shortcut gets a map of one pixel too."""
    init = ["self.conv = nn.Conv2d(cin, cout, 3, stride, 1)", "self.norm = nn.BatchNorm2d(cout)"]
    path = write(tmp_path, block(init, ["return self.norm(self.conv(x)) + x"], shape=(2, 4, 2, 2)))
    assert lint(path).stdout.count("RL307") == 1
    result = lint("--fix", path)
    assert result.stdout.count("RL307") == 2
    assert "1 fixed in 1 file" in result.stdout


def test_only_the_class_that_is_asked_for_is_fixed(lint: Lint, tmp_path: Path) -> None:
    other = BROKEN.replace("Block", "Other").partition("class ")[2].partition("\n\n\nif __name__")[0]
    path = write(tmp_path, BROKEN.replace("class ", f"class {other}\n\nclass ") + main_block("Other(4, 8, 2)", SHAPE))
    result = lint(f"{path}::Block", "--fix")
    assert result.exit_code == 0, result.output
    assert f"class {other}\n" in path.read_text()
    assert output_shape(path, "Block(4, 8, 2)", SHAPE) == (2, 8, 4, 4)


def test_a_file_with_many_faults_is_fixed_in_one_run(lint: Lint, tmp_path: Path) -> None:
    lines = [HEAD.rstrip("\n")]
    for number in range(13):
        lines += [
            f"\n\nclass Block{number}(nn.Module):\n    def __init__(self):\n        super().__init__()",
            f"        self.fc = nn.Linear({number + 4}, {number + 5})\n",
            "    def forward(self, x):\n        return self.fc(x) + x",
        ]
    blocks = ", ".join(f"Block{number}()" for number in range(13))
    path = write(tmp_path, "\n".join(lines) + "\n" + main_block(f"nn.Sequential({blocks})", (2, 4)))
    change = fix(lint, path)
    assert len(change.removed) == 13
    assert output_shape(path, f"nn.Sequential({blocks})", (2, 4)) == (2, 17)


# --- what must not be written -----------------------------------------------------------------------------------------


Analyse = Callable[[CheckRequest], FileReport]


def writing_meanwhile(analyse: Analyse, write: Callable[[], object], *, while_verifying: bool) -> Analyse:
    """The worker, and someone who writes to the file after the worker has read it."""

    def analyse_and_write(request: CheckRequest) -> FileReport:
        report = analyse(request)
        if (request.source is not None) is while_verifying:
            write()
        return report

    return analyse_and_write


def test_a_file_that_changed_since_it_was_read_is_left_alone(
    model: Path, lint: Lint, workers: WorkerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = BROKEN + "# saved in the editor meanwhile\n"
    analyse = writing_meanwhile(workers.analyse, lambda: model.write_text(theirs), while_verifying=True)
    monkeypatch.setattr(workers, "analyse", analyse)
    result = lint(model, "--fix")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "changed" in result.stderr and str(model) in result.stderr
    assert model.read_text() == theirs


def test_a_file_that_is_gone_when_it_is_to_be_written(
    model: Path, lint: Lint, workers: WorkerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse = writing_meanwhile(workers.analyse, lambda: model.unlink(missing_ok=True), while_verifying=True)
    monkeypatch.setattr(workers, "analyse", analyse)
    result = lint(model, "--fix")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert not model.exists()


def test_a_file_that_changed_between_the_check_and_the_fix_keeps_the_change(
    model: Path, lint: Lint, workers: WorkerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finding's lines are those of the older text, so nothing may be done by them unseen."""
    theirs = "# saved in the editor meanwhile\n" + BROKEN.replace("Block", "Blocks")
    analyse = writing_meanwhile(workers.analyse, lambda: model.write_text(theirs), while_verifying=False)
    monkeypatch.setattr(workers, "analyse", analyse)
    lint(model, "--fix")
    assert model.read_text().startswith("# saved in the editor meanwhile\n")
    assert model.read_text() == theirs or output_shape(model, "Blocks(4, 8, 2)", SHAPE) == (2, 8, 4, 4)


def assert_refused(lint: Lint, path: Path, user: Callable[[], AbstractContextManager[None]]) -> None:
    assert lint(path, "--diff").exit_code == 1  # whatever is imported late is imported as the user that runs the tests
    with user():
        result = lint(path, "--fix")
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("resnet-lint: cannot write ")
    assert path.name in result.stderr
    assert result.stderr.count("\n") == 1
    assert path.read_text() == BROKEN


def test_a_read_only_folder(shared_folder: Path, lint: Lint) -> None:
    path = write(shared_folder, BROKEN)
    path.chmod(0o644)
    shared_folder.chmod(0o555)
    assert_refused(lint, path, as_a_plain_user)
    assert list(shared_folder.iterdir()) == [path]


def test_a_read_only_file(shared_folder: Path, lint: Lint) -> None:
    """Whoever made it read-only did not mean that it may be replaced."""
    path = write(shared_folder, BROKEN)
    path.chmod(0o444)
    assert_refused(lint, path, as_a_plain_user)


# --- the edits in the JSON --------------------------------------------------------------------------------------------


def edited(text: str, edits: list[dict[str, Any]]) -> str:
    """The edits made as an editor makes them, by line and column from 1; only a newline ends a line."""
    lines = text.split("\n")

    def offset(place: dict[str, int]) -> int:
        return sum(len(line) + 1 for line in lines[: place["line"] - 1]) + place["column"] - 1

    for start, end, new in sorted(((offset(e["start"]), offset(e["end"]), e["text"]) for e in edits), reverse=True):
        text = text[:start] + new + text[end:]
    return text


FILES = {
    "plain": BROKEN.encode(),
    "dos line ends": BROKEN.replace("\n", "\r\n").encode(),
    "a byte order mark": b"\xef\xbb\xbf" + BROKEN.encode(),
    "latin-1": b"# coding: latin-1\n# caf\xe9\n" + BROKEN.replace("+ x", "+ x  # Â\xa0").encode("latin-1"),
    "letters of more than one byte in front": BROKEN.replace("return", 's = "你好🎉"; return').encode(),
    "several lines": BROKEN.replace("return self.norm", "return (\n self.norm").replace(" + x", "\n + x\n)").encode(),
    "an existing projection": block(
        [CONV, "self.skip = nn.Conv2d(cin, cin, 1)"], ["return self.conv(x) + self.skip(x)"]
    ).encode(),
    "a lost padding": block(["self.conv = nn.Conv2d(cin, cin, 3)"], ["return self.conv(x) + x"]).encode(),
}  # fmt: skip


@pytest.mark.parametrize("before", FILES.values(), ids=FILES)
def test_the_edits_of_the_json_make_the_text_that_fix_writes(before: bytes, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, before)
    report = json.loads(lint(path, "--format", "json").stdout)
    jsonschema.validate(report, SCHEMA)
    [finding] = report["findings"]
    assert (finding["fix"]["applicability"], finding["fix"]["verified"]) == ("safe", True)
    assert report["summary"]["fixable"] == 1
    edits = finding["fix"]["edits"]
    assert edits == sorted(edits, key=lambda edit: (edit["start"]["line"], edit["start"]["column"]))
    after = fix(lint, path).after
    text = before.decode("latin-1" if b"latin-1" in before else "utf-8-sig")
    wanted = after.decode("latin-1" if b"latin-1" in before else "utf-8-sig")
    assert edited(text, edits) == wanted
    assert load(path)["Block"]  # and it is Python
    assert decode(after).count("\n") >= decode(before).count("\n")
