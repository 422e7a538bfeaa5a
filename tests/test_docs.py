"""What the command line can do, the README says."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from resnet_lint.cli import main

README = Path(__file__).parents[1] / "README.md"
OPTIONS = [
    (name, param)
    for name, command in main.commands.items()
    for param in command.params
    if isinstance(param, click.Option)
]


@pytest.mark.parametrize("name", main.commands)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"resnet-lint {name}" in README.read_text()


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=[f"{name} {option.opts[0]}" for name, option in OPTIONS])
def test_every_option_is_in_the_readme_and_has_help(name: str, option: click.Option) -> None:
    assert option.help
    text = README.read_text()
    assert all(f"`{spelling}" in text for spelling in option.opts)
