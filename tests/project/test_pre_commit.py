"""The hooks, run by pre-commit in a repository that uses them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "fixtures" / "f4_stride"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
CONFIG = """\
repos:
  - repo: {repo}
    rev: {rev}
    hooks:
      - id: resnet-lint-system
        args: [{args}]
"""


def git(*args: str, cwd: Path) -> str:
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *args]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


def pre_commit(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run pre-commit with its cache in `cwd`, and a resnet-lint on PATH that is this checkout's."""
    tool = cwd / "bin" / "resnet-lint"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m resnet_lint "$@"\n')
    tool.chmod(0o755)
    env = os.environ | {"PATH": f"{tool.parent}:{os.environ['PATH']}", "PRE_COMMIT_HOME": str(cwd / "cache")}
    return subprocess.run([sys.executable, "-m", "pre_commit", *args], cwd=cwd, env=env, capture_output=True, text=True)


@pytest.fixture
def hooks(tmp_path: Path) -> Path:
    """A repository that offers the hooks."""
    repo = tmp_path / "hooks"
    repo.mkdir()
    shutil.copy(HOOKS, repo)
    git("init", "--quiet", cwd=repo)
    git("add", "--all", cwd=repo)
    git("commit", "--quiet", "--message", "hooks", cwd=repo)
    return repo


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a good model, a broken one, and a file that is no Python."""
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(FIXTURE / "fixed.py", project / "good.py")
    shutil.copy(FIXTURE / "model.py", project / "bad.py")
    (project / "notes.txt").write_text("class Broken(nn.Module\n")
    git("init", "--quiet", cwd=project)
    return project


def run(project: Path, hooks: Path, *files: str, args: str = "") -> subprocess.CompletedProcess[str]:
    rev = git("rev-parse", "HEAD", cwd=hooks)
    (project / ".pre-commit-config.yaml").write_text(CONFIG.format(repo=hooks, rev=rev, args=args))
    git("add", "--all", cwd=project)
    return pre_commit("run", "--verbose", "--files", *files, cwd=project)


def test_the_manifest_is_valid(tmp_path: Path) -> None:
    assert pre_commit("validate-manifest", str(HOOKS), cwd=tmp_path).returncode == 0


def test_passes_on_good_code(project: Path, hooks: Path) -> None:
    done = run(project, hooks, "good.py", "notes.txt")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 errors, 0 warnings; 1 class checked, 0 not checked; 1 file," in done.stdout


def test_fails_on_bad_code_with_one_process_for_all_files(project: Path, hooks: Path) -> None:
    done = run(project, hooks, "good.py", "bad.py")
    assert done.returncode == 1
    assert "bad.py:" in done.stdout
    assert "1 error, 0 warnings; 2 classes checked, 0 not checked; 2 files," in done.stdout


def test_leaves_alone_what_the_project_excludes(project: Path, hooks: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.resnet-lint]\nexclude = ['bad.py']\n")
    done = run(project, hooks, "bad.py", args="--fix")
    assert done.returncode == 0, done.stdout
    assert "nothing was checked: bad.py is excluded" in done.stdout
    assert (project / "bad.py").read_bytes() == (FIXTURE / "model.py").read_bytes()


def test_fixes_and_stops_the_commit(project: Path, hooks: Path) -> None:
    done = run(project, hooks, "bad.py", args="--fix")
    assert done.returncode == 1
    assert "files were modified by this hook" in done.stdout
    assert (project / "bad.py").read_bytes() == (FIXTURE / "fixed.py").read_bytes()
