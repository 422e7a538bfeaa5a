"""The README documents the command line."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import click
import pytest
from conftest import Lint

from resnet_lint import HOMEPAGE
from resnet_lint.front.cli import main
from resnet_lint.front.options.configuration import load
from resnet_lint.front.options.settings import OPTIONS as CONFIGURATION_OPTIONS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
KEYS = [name for name, option in CONFIGURATION_OPTIONS.items() if option.in_file]
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", CONFIGURATION.read_text(), re.MULTILINE | re.DOTALL))
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


@pytest.mark.parametrize("path", [README, ROOT / "pyproject.toml", *sorted((ROOT / "docs").glob("*.md"))], ids=str)
def test_every_address_of_the_repository_has_the_same_owner(path: Path) -> None:
    owners = re.findall(r"(?:github\.com/|uses: )([\w.-]+)/resnet-lint\b", path.read_text())
    assert {f"https://github.com/{owner}/resnet-lint" for owner in owners} <= {HOMEPAGE}


def test_the_links_of_the_readme_lead_somewhere_from_any_site() -> None:
    """PyPI shows the README too, where a relative link leads nowhere."""
    links = re.findall(r"\]\(([^)#]+)", README.read_text())
    ours = [link for link in links if link.startswith(HOMEPAGE)]
    assert [link for link in links if not link.startswith("https://")] == []
    assert [link for link in ours if not (ROOT / re.sub(r"^.*/v[\d.]+/", "", link)).exists()] == []


def test_every_key_is_a_section_and_every_section_a_key() -> None:
    assert sorted(SECTIONS) == sorted(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_the_example_of_a_key_holds_this_key_and_is_read(key: str, tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", SECTIONS[key], re.DOTALL)
    assert list(tomllib.loads(example)["tool"]["resnet-lint"]) == [key]
    (tmp_path / "pyproject.toml").write_text(example)
    assert load({}, cwd=tmp_path).root == tmp_path


def test_the_comments_shown_do_what_they_say(tmp_path: Path, lint: Lint) -> None:
    [example] = re.findall(r"```python\n(.*?)```", CONFIGURATION.read_text(), re.DOTALL)
    model = tmp_path / "model.py"
    model.write_text(example)
    assert json.loads(lint(model, "--format", "json").stdout)["findings"] == []
    model.write_text(example.replace("# resnet-lint: ignore[RL102]", ""))
    assert [finding["rule"] for finding in json.loads(lint(model, "--format", "json").stdout)["findings"]] == ["RL102"]
