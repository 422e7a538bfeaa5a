"""Which files are checked, and in which order."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from resnet_lint.front.source.discover import discover, may_define_modules
from resnet_lint.shared.errors import ConfigError, UsageError

MODEL = "import torch.nn as nn\n\n\nclass Block(nn.Module):\n    pass\n"


def write(root: Path, *names: str, text: str = MODEL) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(root: Path, *paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return [file.display for file in discover(paths, cwd=root, exclude=exclude).files]


def test_folders_are_walked_in_sorted_order_and_paths_as_given(tmp_path: Path) -> None:
    write(tmp_path, "b/z.py", "b/a.py", "b/m/x.py", "a.py")
    assert found(tmp_path, "b", "a.py") == ["b/a.py", "b/m/x.py", "b/z.py", "a.py"]


def test_a_file_comes_once_and_stays_explicit(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    [file] = discover([".", "a.py", "./a.py"], cwd=tmp_path).files
    assert file.explicit
    assert file.path == tmp_path / "a.py"


def test_two_classes_of_one_file_are_two(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    files = discover(["a.py::Block", "a.py::Outer.Inner", "a.py"], cwd=tmp_path).files
    assert [file.only_class for file in files] == ["Block", "Outer.Inner", None]


def test_a_file_outside_the_working_folder_is_shown_relative(tmp_path: Path) -> None:
    write(tmp_path, "other/a.py", "here/b.py")
    assert found(tmp_path / "here", "../other") == ["../other/a.py"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.py", "missing.py: no such file or directory"),
        ("notes.txt", "notes.txt: not a Python file"),
        ("models::Block", "models is a directory"),
        ("a.py::", "'' is not the name of a class"),
        ("a.py::1x", "'1x' is not the name of a class"),
        ("missing.py::Block", "missing.py: no such file or directory"),
    ],
)
def test_a_path_that_makes_no_sense_is_a_usage_error(path: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, "a.py", "notes.txt", "models/b.py")
    with pytest.raises(UsageError) as caught:
        discover([path], cwd=tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert found(tmp_path, ".") == []
    with pytest.raises(UsageError, match="not a readable file or directory"):
        discover(["pipe.py"], cwd=tmp_path)


def test_what_holds_no_source_of_ones_own_is_never_walked(tmp_path: Path) -> None:
    write(tmp_path, ".hidden/a.py", "__pycache__/a.py", "node_modules/a.py", "env/lib/a.py", "env/pyvenv.cfg", "a.py")
    assert found(tmp_path, ".") == ["a.py"]


def test_what_is_named_is_walked_wherever_it_lies(tmp_path: Path) -> None:
    write(tmp_path, "env/pyvenv.cfg", "env/site-packages/timm/a.py", ".hidden/b.py")
    assert found(tmp_path, "env/site-packages/timm", ".hidden") == ["env/site-packages/timm/a.py", ".hidden/b.py"]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "models/a.py")
    (tmp_path / "models/loop").symlink_to(tmp_path / "models", target_is_directory=True)
    assert found(tmp_path, "models") == ["models/a.py"]


def test_exclude_patterns_hold_below_their_root(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "old/b.py", "models/old/c.py", "models/test_d.py", "models/e.py")
    assert found(tmp_path, ".", exclude=("/old/", "test_*.py")) == ["a.py", "models/e.py", "models/old/c.py"]


def test_what_is_named_is_never_excluded(tmp_path: Path) -> None:
    write(tmp_path, "old/b.py", "old/deep/c.py")
    assert found(tmp_path, "old/b.py", exclude=("old/",)) == ["old/b.py"]
    assert found(tmp_path, "old/deep", exclude=("old/",)) == ["old/deep/c.py"]


def test_an_invalid_exclude_pattern_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'!' is not a valid"):
        discover(["."], cwd=tmp_path, exclude=("!",))


def test_gitignore_agrees_with_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(
        tmp_path,
        "a.py", "build/b.py", "src/build/c.py", "src/gen/d.py", "src/gen/keep.py", "src/pkg/e_gen.py", "src/pkg/f.py",
        "src/pkg/special_gen.py", "src/pkg/deep/build/g.py",
    )  # fmt: skip
    (tmp_path / ".gitignore").write_text("/build/\n*_gen.py\n# a comment\n\n!\n")
    (tmp_path / "src/.gitignore").write_text("gen/*\n!gen/keep.py\n")
    (tmp_path / "src/pkg/.gitignore").write_text("!special_gen.py\nbuild\n")
    listed = ["git", "ls-files", "--others", "--exclude-standard", "*.py"]
    kept = subprocess.run(listed, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.split()
    assert sorted(found(tmp_path, ".")) == sorted(kept)
    assert sorted(found(tmp_path, "src")) == sorted(name for name in kept if name.startswith("src/"))
    assert sorted(found(tmp_path, "src/pkg")) == sorted(name for name in kept if name.startswith("src/pkg/"))


def test_an_ignored_folder_or_file_that_is_named_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path, "venv/lib/timm/a.py", "b.py")
    (tmp_path / ".gitignore").write_text("venv/\nb.py\n")
    assert found(tmp_path, ".") == []
    assert found(tmp_path, "venv/lib/timm", "b.py") == ["venv/lib/timm/a.py", "b.py"]


def test_gitignore_above_the_git_root_does_not_count(tmp_path: Path) -> None:
    write(tmp_path, "repo/a.py")
    (tmp_path / "repo/.git").mkdir()
    (tmp_path / ".gitignore").write_text("*.py\n")
    assert found(tmp_path, "repo") == ["repo/a.py"]


@pytest.mark.parametrize(
    ("source", "worth"),
    [
        ("import torch\nclass A(torch.nn.Module): ...", True),
        ("from .base import Block\nclass A(Block): ...", True),
        ("x = 1", False),
        ("import torch\nx = torch.ones(1)", True),
        ("import numpy\nx = numpy.ones(1)", False),
        ("class A: ...", False),
    ],
)
def test_the_look(source: str, worth: bool) -> None:
    assert may_define_modules(source.encode()) is worth


def test_the_look_passes_over_files_in_folders_only(tmp_path: Path) -> None:
    write(tmp_path, "tool.py", text="print(1)\n")
    write(tmp_path, "model.py")
    whole = discover(["."], cwd=tmp_path)
    assert [file.display for file in whole.files] == ["model.py"]
    assert len(whole.passed_over) == 1
    assert found(tmp_path, "tool.py") == ["tool.py"]


def test_an_empty_folder_is_noted(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert discover(["empty"], cwd=tmp_path).notes == ("no Python files found in empty",)


def test_a_folder_that_cannot_be_read_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.py", "closed/b.py")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    discovery = discover(["."], cwd=tmp_path)
    assert [file.display for file in discovery.files] == ["a.py"]
    assert discovery.notes == ("cannot read the directory closed: Permission denied",)
