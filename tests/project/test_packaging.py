"""The rules are found in every kind of installation: a wheel, an editable install, a plain checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Literal

import pytest

from resnet_lint.rule_loader import load_rules

ROOT = Path(__file__).parents[2]

# Without site (-S) the test's own installation of the tool is out of reach. addsitedir, because an editable install is
# little more than a .pth file, and those are read in site folders only. The dependencies come from where they lie now.
RUN_FROM = """
import runpy, site, sys
site.addsitedir(sys.argv.pop(1))
sys.path.append(sys.argv.pop(1))
runpy.run_module("resnet_lint", run_name="__main__", alter_sys=True)
"""


def build(kind: Literal["wheel", "editable"], folder: Path) -> list[str]:
    """Build and unpack a wheel; return its names. Works on a copy, as setuptools packs an earlier build's leftovers."""
    sources = folder / "sources"
    for part in ("resnet_lint", "rules"):
        shutil.copytree(ROOT / part, sources / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, sources)
    call = f"import setuptools.build_meta; setuptools.build_meta.build_{kind}({str(folder)!r})"
    subprocess.run([sys.executable, "-c", call], cwd=sources, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
        return archive.namelist()


def list_rules(site_folder: Path, cwd: Path) -> str:
    dependencies = sysconfig.get_path("purelib")
    command = [sys.executable, "-I", "-S", "-c", RUN_FROM, str(site_folder), dependencies, "rules"]
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_wheel_holds_every_file(tmp_path: Path) -> None:
    names = build("wheel", tmp_path)
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "resnet_lint").rglob("*.py")}
    rules = {f"resnet_lint/rules/{path.name}" for path in (ROOT / "rules").glob("*.py")}
    assert package | rules | {"resnet_lint/py.typed", "resnet_lint/front/check/report/schema.json"} <= set(names)


def test_the_tool_alone_brings_no_torch(tmp_path: Path) -> None:
    build("wheel", tmp_path)
    [metadata] = (tmp_path / "site").glob("*.dist-info/METADATA")
    required = [line for line in metadata.read_text().splitlines() if line.startswith("Requires-Dist: ")]
    assert [line for line in required if "torch" in line and "extra ==" not in line] == []
    assert any(line.startswith("Requires-Dist: torch>=2.4; extra ==") for line in required)


def test_pytest_finds_the_plugin(tmp_path: Path) -> None:
    build("wheel", tmp_path)
    [points] = (tmp_path / "site").glob("*.dist-info/entry_points.txt")
    assert "[pytest11]\nresnet_lint = resnet_lint.integrations.pytest\n" in points.read_text()


def test_wheel_has_no_top_level_rules(tmp_path: Path) -> None:
    tops = {name.split("/")[0] for name in build("wheel", tmp_path)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"resnet_lint"}


@pytest.mark.parametrize("kind", ["wheel", "editable", "checkout"])
def test_rules_are_found(kind: Literal["wheel", "editable", "checkout"], tmp_path: Path) -> None:
    if kind == "checkout":
        site_folder = ROOT
    else:
        build(kind, tmp_path)
        site_folder = tmp_path / "site"
    listed = list_rules(site_folder, cwd=tmp_path)
    assert [rule.code for rule in load_rules() if rule.code not in listed] == []
