"""Which Python loads the models; the environment of the tool is not visible to them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resnet_lint.front.workers import interpreter
from resnet_lint.front.workers.interpreter import choose, executable_of, own
from resnet_lint.shared.errors import UsageError, WorkerError

ROOT = Path(__file__).parents[3]
PACKAGES = Path(sysconfig.get_path("purelib"))

# The packages of the front in site-packages: what they are imported by, and their own dependencies.
OF_THE_FRONT = (
    *("click", "tabulate.py", "pathspec", "platformdirs"),
    *("libcst", "yaml", "_yaml", "typing_extensions.py"),
)
SHARED = ("typing_extensions.py",)  # with torch

# In an environment without torch or anything else that is installed beside the tests.
RUN = """
import sys
sys.path.append(sys.argv.pop(1))
from resnet_lint.front.cli import main
main(prog_name="resnet-lint")
"""

MODEL = """\
import torch
from torch import nn

{imports}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, CHANNELS, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)


if __name__ == "__main__":
    Net()(torch.randn(2, 3, 8, 8))
"""


# How many packages of the tool's environment the model's code can reach, on top of the channels that fit.
ALONE = """\
from importlib.machinery import PathFinder

CHANNELS = 3 + sum(PathFinder.find_spec(name) is not None for name in ("click", "pathspec", "libcst", "resnet_lint"))
"""


def fake_environment(folder: Path, python: str, torch: str | None) -> Path:
    """An environment whose interpreter says that it is of these versions; its executable."""
    (folder / "torch").mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "torch/version.py").write_text(f"from typing import Optional\n__version__ = '{torch}'\ndebug = False\n")
    origin = str(folder / "torch/__init__.py") if torch else None
    return script(folder / "bin/python", f"echo '{json.dumps({'python': python, 'torch': origin, 'path': []})}'")


def script(path: Path, line: str) -> Path:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


def test_our_own() -> None:
    import torch

    found = own()
    assert (found.executable, found.python, found.torch) == (sys.executable, sys.version.split()[0], torch.__version__)
    assert str(ROOT / "resnet_lint") not in found.search_path


def test_torch_is_not_imported_to_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "torch/version.py").write_text("__version__ = '2.99.0'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert own().torch == "2.99.0"


@pytest.mark.parametrize("name", [".", "bin/python"])
def test_the_one_that_is_named_wins(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    fake_environment(tmp_path / "active", "3.12.1", "2.4.1")
    named = fake_environment(tmp_path / "named", "3.13.0", "2.15.0+cpu")
    found = choose(executable_of(tmp_path / "named" / name), tmp_path)
    assert (found.executable, found.python, found.torch) == (str(named), "3.13.0", "2.15.0+cpu")


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_active_one_wins_over_the_nearest(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    active = fake_environment(tmp_path / "active", "3.12.1", "2.4.1")
    fake_environment(tmp_path / ".venv", "3.12.1", "2.5.0")
    monkeypatch.setenv(variable, str(tmp_path / "active"))
    assert choose(None, tmp_path).executable == str(active)


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_the_nearest_that_has_torch(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    fake_environment(tmp_path / "active", "3.8.0", None)  # too old, but it has nothing to do with models
    far = fake_environment(tmp_path / name, "3.12.1", "2.4.1")
    broken = tmp_path / "project/src/.venv/bin"
    broken.mkdir(parents=True)
    script(broken / "python", "exit 3")
    assert choose(None, tmp_path / "project/src").executable == str(far)
    near = fake_environment(tmp_path / "project" / name, "3.12.1", "2.4.1")
    assert choose(None, tmp_path / "project/src").executable == str(near)


def test_else_our_own(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    assert choose(None, tmp_path).executable == sys.executable


def test_else_the_first_on_the_path_that_has_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = fake_environment(tmp_path / "ours", "3.12.1", None)
    monkeypatch.setattr(sys, "executable", str(ours))
    found = fake_environment(tmp_path / "system", "3.12.1", "2.13.0")
    monkeypatch.setenv("PATH", f"{ours.parent}:{tmp_path / 'nowhere'}:{found.parent}")
    assert choose(None, tmp_path / "project").executable == str(found)
    monkeypatch.setenv("PATH", str(ours.parent))
    with pytest.raises(WorkerError, match=r"no torch in .*; .* pip install torch \(without a GPU, --index-url "):
        choose(None, tmp_path / "project")


def test_the_environment_that_pre_commit_made_is_no_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nearest = fake_environment(tmp_path / "project/.venv", "3.12.1", "2.4.1")
    ours = fake_environment(tmp_path / "ours", "3.12.1", "2.13.0")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "ours"))
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert choose(None, tmp_path / "project").executable == str(ours)
    monkeypatch.setenv("PRE_COMMIT", "1")
    assert choose(None, tmp_path / "project").executable == str(nearest)


@pytest.mark.parametrize(
    ("python", "torch", "has"),
    [
        ("3.8.18", "1.13.1", "Python 3.8.18 and torch 1.13.1"),
        ("3.10.13", "2.9.0+cu128", "Python 3.10.13 and torch 2.9.0+cu128"),
        ("3.12.1", "2.3.1", "Python 3.12.1 and torch 2.3.1"),
        ("3.12.1", None, "Python 3.12.1 and no torch"),
    ],
)
def test_versions_that_cannot_be_used_are_named(python: str, torch: str | None, has: str, tmp_path: Path) -> None:
    executable = fake_environment(tmp_path / ".venv", python, torch)
    with pytest.raises(WorkerError) as caught:
        choose(executable, tmp_path)
    assert str(caught.value) == (
        f"{executable} has {has}; Python 3.11 and torch 2.4 or newer is required; "
        "select another interpreter with --python PATH"
    )
    if torch is not None:  # an environment that is too old is not skipped silently
        with pytest.raises(WorkerError, match=f"has {has.replace('+', '.')}"):
            choose(None, tmp_path)


def test_what_is_no_interpreter(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no program")
    with pytest.raises(UsageError, match="no such file: "):
        executable_of(tmp_path / "missing")
    for name in (".", "notes.txt"):
        with pytest.raises(UsageError, match="is neither an interpreter nor an environment"):
            executable_of(tmp_path / name)
    with pytest.raises(WorkerError, match="does not work as a Python interpreter: out of order"):
        choose(script(tmp_path / "broken", "echo out of order >&2; exit 3"), tmp_path)


@dataclass(frozen=True)
class Environments:
    """The tool's environment, without torch, and the project with the model's, without anything of the tool's."""

    tool: Path
    project: Path

    def lint(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", "-c", RUN, str(self.tool), *arguments]
        return subprocess.run(command, cwd=self.project, capture_output=True, text=True)


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    found = Environments(tmp_path / "tool", tmp_path / "project")
    shutil.copytree(ROOT / "resnet_lint", found.tool / "resnet_lint", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "rules", found.tool / "resnet_lint/rules", ignore=shutil.ignore_patterns("__pycache__"))
    found.project.mkdir()
    for package in PACKAGES.iterdir():
        if package.name in OF_THE_FRONT:
            (found.tool / package.name).symlink_to(package)
    return found


def model_environment(folder: Path) -> None:
    """A virtual environment with torch, and with one package that the tool's has not."""
    venv.create(folder)
    site_packages = next(folder.glob("lib/python*/site-packages"))
    for package in PACKAGES.iterdir():
        if package.name not in set(OF_THE_FRONT) - set(SHARED) and "resnet_lint" not in package.name:
            (site_packages / package.name).symlink_to(package)
    (site_packages / "needed.py").write_text("CHANNELS = 4\n")


def test_without_torch_anywhere(environments: Environments) -> None:
    (environments.project / "model.py").write_text(MODEL.format(imports="CHANNELS = 4"))
    empty = environments.project / ".venv"
    venv.create(empty)
    run = environments.lint("--python", ".venv")
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith(
        f"resnet-lint: {empty / 'bin/python'} has Python {sys.version.split()[0]} and no torch;"
    )


def test_the_model_is_checked_where_its_dependencies_are(
    environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_environment(environments.project / ".venv")
    monkeypatch.setenv("PYTHONPATH", str(environments.project / "lib"))
    (environments.project / "lib").mkdir()
    (environments.project / "lib/beside.py").write_text("CHANNELS = 5\n")
    for name, imports in (
        ("needed", "from needed import CHANNELS"),
        ("beside", "from beside import CHANNELS"),
        ("alone", ALONE),
    ):
        (environments.project / f"{name}_model.py").write_text(MODEL.format(imports=imports))
    run = environments.lint("--format", "json")
    report = json.loads(run.stdout)
    assert (run.returncode, run.stderr) == (1, "")
    assert [module["status"] for module in report["modules"]] == ["checked"] * 3
    assert {finding["path"]: finding["operands"][0]["shape"] for finding in report["findings"]} == {
        "needed_model.py": [2, 4, 8, 8],
        "beside_model.py": [2, 5, 8, 8],
    }


def test_an_interpreter_is_asked_again_if_something_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("resnet_lint.front.workers.interpreter.OLDEST_TORCH", (0, 0))
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    [packages] = environment.glob("lib/*/site-packages")

    def versions(value: str) -> None:
        (packages / "torch").mkdir(exist_ok=True)
        (packages / "torch" / "__init__.py").touch()
        (packages / "torch" / "version.py").write_text(f"__version__ = '{value}'\n")

    asked = []
    facts = interpreter._facts

    def ask(executable: Path) -> Any:
        asked.append(executable)
        return facts(executable)

    monkeypatch.setattr(interpreter, "_facts", ask)
    versions("2.5.0")
    first = choose(python, tmp_path, remember=True)
    versions("2.6.0")
    second = choose(python, tmp_path, remember=True)
    assert (first.torch, second.torch, asked) == ("2.5.0", "2.6.0", [python])
    (packages / "more.pth").write_text(str(tmp_path))
    assert str(tmp_path) in choose(python, tmp_path, remember=True).search_path
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    assert "/somewhere/else" in choose(python, tmp_path, remember=True).search_path
    assert choose(python, tmp_path).search_path == choose(python, tmp_path, remember=True).search_path
    assert len(asked) == 4


def test_a_script_in_place_of_an_interpreter_is_always_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nexec ${{WHICH:-{sys.executable}}} "$@"\n')
    script.chmod(0o755)
    assert choose(script, tmp_path, remember=True).torch is not None
    monkeypatch.setenv("WHICH", "/bin/false")
    with pytest.raises(WorkerError, match="does not work as a Python interpreter"):
        choose(script, tmp_path, remember=True)
