"""Shell completion: the words that click is given, and the shells that are installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from resnet_lint.front.cli import main


def offered(*words: str) -> list[tuple[str, str]]:
    """What is offered for the last of the words, each with its type: `plain`, or `file` for what the shell finds."""
    *before, incomplete = words
    completion = ShellComplete(main, {}, "resnet-lint", "_RESNET_LINT_COMPLETE")
    return [(item.value, item.type) for item in completion.get_completions(list(before), incomplete)]


def values(*words: str) -> set[str]:
    return {value for value, _ in offered(*words)}


def test_the_first_word_is_a_command_a_file_or_an_option_of_check() -> None:
    assert set(main.commands) <= values("")
    assert ("", "file") in offered("")
    assert values("ru") == {"run", "rules", "ru"}  # the last is the beginning of a file's name, for the shell
    assert {"--version", "--select", "--fix", "--no-fix"} <= values("-")


@pytest.mark.parametrize("words", [("models/",), ("check", "models/"), ("trace", "models/"), ("--output", "models/")])
def test_files(words: tuple[str, ...]) -> None:
    assert ("models/", "file") in offered(*words)


def test_folders() -> None:
    assert offered("--rules", "lint/") == [("lint/", "dir")]


def test_codes() -> None:
    assert {"RL101", "RL102"} <= values("--select", "RL1")
    assert {"RL101,RL201", "RL101,RL210"} <= values("check", "--ignore", "RL101,RL2")
    assert values("rules", "RL50") == {"RL501", "RL502"}


def test_choices() -> None:
    assert values("--format", "j") == {"json", "junit"}
    assert values("trace", "--format", "d") == {"dot"}


def test_a_wrong_configuration_breaks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.resnet-lint]\nselct = []\n")
    monkeypatch.chdir(tmp_path)
    assert values("--select", "RL") == set()
    assert "--select" in values("-")


@pytest.fixture
def tool(tmp_path: Path) -> dict[str, str]:
    """The environment of a shell that finds a resnet-lint on its path."""
    program = tmp_path / "bin" / "resnet-lint"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m resnet_lint "$@"\n')
    program.chmod(0o755)
    return os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}


BASH = """
compopt() {{ echo files; }}  # outside of a completion, bash's own refuses
eval "$(_RESNET_LINT_COMPLETE=bash_source resnet-lint)"
COMP_WORDS=(resnet-lint {words}); COMP_CWORD={number}
_resnet_lint_completion resnet-lint
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
autoload -Uz compinit && compinit -u
eval "$(_RESNET_LINT_COMPLETE=zsh_source resnet-lint)"
whence -w _resnet_lint_completion
"""
FISH = "_RESNET_LINT_COMPLETE=fish_source resnet-lint | source; complete --do-complete 'resnet-lint {words}'"


def shell(*command: str, env: dict[str, str], cwd: Path) -> list[str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split("\n")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("rul", "rules"), ("rules RL50", "RL501"), ("check --for", "--format"), ("mod", "files")],
)
def test_bash(words: str, wanted: str, tool: dict[str, str], tmp_path: Path) -> None:
    script = BASH.format(words=words, number=len(words.split()))
    assert wanted in shell("bash", "--norc", "-c", script, env=tool, cwd=tmp_path)


def test_zsh(tool: dict[str, str], tmp_path: Path) -> None:
    assert "_resnet_lint_completion: function" in shell("zsh", "-f", "-c", ZSH, env=tool, cwd=tmp_path)


@pytest.mark.parametrize(
    ("words", "wanted"), [("rules RL50", ["RL501", "RL502"]), ("--ignore RL101,RL50", ["RL101,RL501", "RL101,RL502"])]
)
def test_fish(words: str, wanted: list[str], tool: dict[str, str], tmp_path: Path) -> None:
    lines = shell("fish", "--no-config", "-c", FISH.format(words=words), env=tool, cwd=tmp_path)
    assert [line.split("\t")[0] for line in lines if line] == wanted
