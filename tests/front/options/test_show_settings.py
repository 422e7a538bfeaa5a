"""`--show-settings` prints a configuration file with the same settings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from click.testing import CliRunner

from resnet_lint.front.cli import main
from resnet_lint.front.options.configuration import load
from resnet_lint.front.options.show_settings import as_toml

EVERY_KIND = """\
[tool.resnet-lint]
format = "json"
output = "re\\"port.json"
select = ["RL1", "RL2"]
timeout = 7.5
jobs = 3
shard = "2/4"
verbose = true
guard = false
python = ".venv"
input = ["x=2x3x8x8"]

[tool.resnet-lint.per-file-ignores]
"old/" = ["RL1"]

[tool.resnet-lint.targets]
"net.py::Net" = { call = "Net(64, 'ü')", input = ["x=2x3x8x8"] }
"net.py::Other" = { input = ["x=2x3x8x8"] }
"""


def test_what_is_shown_means_the_same(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(EVERY_KIND, encoding="utf-8")
    settings = load({}, cwd=tmp_path)
    again = tmp_path / "again.toml"
    again.write_text(as_toml(settings), encoding="utf-8")
    assert dataclasses.replace(load({}, cwd=tmp_path, config=again), file=settings.file) == settings


def test_the_command_line_shows_them(tmp_path: Path, monkeypatch: object) -> None:
    (tmp_path / "resnet-lint.toml").write_text('timeout = 5\nselect = ["RL1"]\n')
    arguments = ["--show-settings", "--config", str(tmp_path / "resnet-lint.toml"), "--select", "RL2", "nowhere.py"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"# configuration file: {tmp_path / 'resnet-lint.toml'}"
    assert "timeout = 5" in lines
    assert 'select = ["RL2"]  # from the command line' in lines
    assert '# format = "text"' in lines
    assert "# targets = {}" in lines
