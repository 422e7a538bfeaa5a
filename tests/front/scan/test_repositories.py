"""The targets of a scan, and what is checked out of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from resnet_lint.front.options.configuration import Given
from resnet_lint.front.scan.checkout import checkout, commit_of
from resnet_lint.front.scan.repositories import prepared
from resnet_lint.front.scan.targets import Target, read_targets
from resnet_lint.shared.errors import UsageError

GIVEN = Given({})
MODEL = "from torch import nn\n\n\nclass Net(nn.Linear): ...\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "block.py").write_text(MODEL)
    return folder


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_list_has_repositories_refs_and_environments(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    listed = tmp_path / "list.txt"
    listed.write_text("# all\n\nr\nr - env  # ours\nhttps://me:secret@host/x.git main\ngit@host:x.git\n")
    targets = read_targets(["list.txt", "r"], tmp_path)
    folder = str(tmp_path / "r")
    assert targets == [
        Target(folder),
        Target(folder, None, str(tmp_path / "env")),
        Target("https://me:secret@host/x.git", "main"),
        Target("git@host:x.git"),
    ]
    assert targets[2].label == "https://host/x.git@main"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("nowhere", "no such folder"),
        ("a b c d", "not 4 words"),
        ("https://host/x.git --upload-pack=x", "is not a ref"),
        (". main", "a folder is checked as it is"),
    ],
)
def test_wrong_lines_of_a_list(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(UsageError, match=line):
        read_targets(["list.txt"], tmp_path)
    with pytest.raises(UsageError, match="neither a folder, a git URL, nor a list"):
        read_targets(["missing"], tmp_path)


def test_a_commit_is_cloned_once(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "one")
    git(repository, "tag", "-a", "v1", "-m", "v1")
    target = Target(f"file://{repository}", "v1")
    commit = commit_of(target)
    assert commit == git(repository, "rev-parse", "HEAD")
    folder = checkout(target, commit)
    assert (folder / "models" / "block.py").read_text() == MODEL
    (repository / "models" / "block.py").unlink()
    assert checkout(target, commit) == folder
    assert [name for name, _ in prepared(target, GIVEN, diff=False).files] == [
        "models/block.py",
    ]


def test_a_repository_that_does_not_clone_is_one_line(tmp_path: Path) -> None:
    target = Target(f"file://{tmp_path}/nothing.git")
    problem = prepared(target, GIVEN, diff=False).problem
    assert problem is not None
    assert problem.startswith(f"cannot clone file://{tmp_path}/nothing.git: '{tmp_path}/nothing.git' does not appear")
    assert "\n" not in problem


def test_what_leaves_the_repository_or_is_huge_is_not_checked(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(MODEL)
    (repository / "link.py").symlink_to("../outside.py")
    with open(repository / "huge [1].py", "wb") as file:
        file.truncate(2**30)
    found = prepared(Target(str(repository)), GIVEN, diff=False)
    assert [name for name, _ in found.files] == ["models/block.py"]
    assert sorted(found.notes) == [
        "huge [1].py has more than 10 MB: not checked",
        "link.py is a link to a file outside of the repository: not checked",
    ]


def test_a_configuration_that_leaves_a_clone_is_refused(repository: Path) -> None:
    (repository / "resnet-lint.toml").write_text('baseline = "../../secret.json"\n')
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "one")
    problem = prepared(Target(f"file://{repository}"), GIVEN, diff=False).problem
    assert problem is not None
    assert "which is outside of the repository" in problem
