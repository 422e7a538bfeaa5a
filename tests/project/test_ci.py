"""The action and the snippets of docs/ci.md: each valid for its service, and their commands run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from resnet_lint.front.cli import main

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
SNIPPETS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "docs" / "ci.md").read_text(), re.MULTILINE | re.DOTALL)
FILES = [(text.partition("\n")[0].removeprefix("# "), text) for language, text in SNIPPETS if language == "yaml"]
VALIDATORS = {
    ".pre-commit-config.yaml": ["pre_commit", "validate-config"],
    ".github/workflows/resnet-lint.yml": ["check_jsonschema", "--builtin-schema", "vendor.github-workflows"],
    ".gitlab-ci.yml": ["check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"],
    "action.yml": ["check_jsonschema", "--builtin-schema", "vendor.github-actions"],
}


def validate(name: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *VALIDATORS[name], str(path)], capture_output=True, text=True)


def commands(value: Any) -> Iterator[str]:
    """The lines of all `run` and `script` keys of a file."""
    if isinstance(value, list):
        for item in value:
            yield from commands(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("run", "script"):
                yield from [item] if isinstance(item, str) else item
            else:
                yield from commands(item)


SHELL = [line for language, text in SNIPPETS if language == "sh" for line in text.splitlines()]
COMMANDS = [*SHELL, *(line for _, text in FILES for line in commands(YAML(typ="safe").load(text)))]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a file that is found wrong without a worker: what the commands do is the same."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "block.py").write_text("from torch import nn\nclass Block(nn.Module\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("name", "text"), FILES)
def test_a_snippet_is_valid(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / Path(name).name
    path.write_text(text)
    done = validate(name, path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", VALIDATORS)
def test_the_validators_would_object(name: str, tmp_path: Path) -> None:
    path = tmp_path / Path(name).name
    path.write_text("runs: {using: 3}\njobs: {a: {steps: 3}}\nimage: [3]\n")
    assert validate(name, path).returncode == 1


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("resnet-lint ")])
def test_a_command_does_what_its_page_says(command: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_NODE_INDEX", "1")  # GitLab sets them for jobs with `parallel`
    monkeypatch.setenv("CI_NODE_TOTAL", "4")
    _, *args = shlex.split(os.path.expandvars(command.replace("${{ matrix.shard }}", "1")))
    if "merge" in args:
        args[args.index("part-*.json")] = "part-1.json"  # as a shell does
        CliRunner().invoke(main, ["--shard", "1/1", "--format", "json", "--output", "part-1.json", "models"])
    result = CliRunner().invoke(main, args)
    assert result.exit_code == (0 if {"never", "--exit-zero"} & set(args) else 1), result.output
    if "--output" in args:
        assert "RL001" in Path(args[args.index("--output") + 1]).read_text()
    else:
        assert "RL001" in result.stdout


def test_all_other_commands_install_something() -> None:
    others = [command for command in COMMANDS if not command.startswith("resnet-lint ")]
    assert [job for job in others if not re.search("^pip install |^[A-Z_]+=[^ ]+ pre-commit install-hooks$", job)] == []


def test_the_action_is_valid() -> None:
    done = validate("action.yml", ACTION)
    assert done.returncode == 0, done.stdout + done.stderr


def run_action(project: Path, step: str = "Run resnet-lint", **inputs: str) -> subprocess.CompletedProcess[str]:
    """A step of the action, as the runner runs it."""
    action = YAML(typ="safe").load(ACTION)
    [found] = [entry for entry in action["runs"]["steps"] if entry["name"] == step]
    values = {name: inputs.get(name, given["default"]) for name, given in action["inputs"].items()}
    given = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: values[m[1]], text)
        for name, text in found["env"].items()
    }
    path = f"{project / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = os.environ | given | {"PATH": path, "PYTHONPATH": str(ROOT)}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]]
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)


def test_the_action_annotates_and_fails(project: Path) -> None:
    done = run_action(project)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("::error file=models/block.py,line=2,")


def test_the_action_posts_suggestions(project: Path) -> None:
    reviewdog = project / "bin" / "reviewdog"
    reviewdog.parent.mkdir()
    reviewdog.write_text('#!/bin/sh\necho "$@"; cat\n')
    reviewdog.chmod(0o755)
    done = run_action(project, "Post the fixes as suggestions", suggestions="true")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("-f=rdjson -name=resnet-lint -reporter=github-pr-review\n{")
    assert '"path": "models/block.py"' in done.stdout


def test_the_inputs_of_the_action_are_words_and_no_commands(project: Path) -> None:
    (project / "empty.py").touch()
    done = run_action(project, paths="empty.py no;touch$(touch${IFS}made)here.py", args="--fail-on never")
    assert done.returncode == 2
    assert "no;touch$(touch${IFS}made)here.py" in done.stderr
    assert not (project / "made").exists()
