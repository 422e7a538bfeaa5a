"""The documentation site: what can be checked without building it. `make docs` also runs the commands that it shows."""

from __future__ import annotations

import ast
import re
import runpy
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from resnet_lint.rule_loader import load_rules

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES: dict[str, str] = runpy.run_path(str(DOCS / "site" / "rule_pages.py"))["pages"]()
WRITTEN = [*sorted(DOCS.glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
TRACES = re.compile(r"traces/\w+\.(html|svg)")


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.code)
def test_every_rule_has_a_page_with_its_documentation_and_cases(rule: Any) -> None:
    page = PAGES[f"rules/{rule.code}.md"]
    assert all(f"## {heading}" in page for heading in ("What it does", "Why is this bad", "Reported", "Not reported"))
    assert ("## Fix safety" in page) == rule.fixable
    assert page.count("```python") == 2 + len(rule.bad) + len(rule.good)
    assert f"[{rule.code}]({rule.code}.md)" in PAGES["rules/index.md"]


def test_every_thread_belongs_to_a_rule_and_has_an_address() -> None:
    threads = tomllib.loads((DOCS / "site" / "threads.toml").read_text())
    assert threads.keys() <= {rule.code for rule in load_rules()}
    for thread in (thread for entries in threads.values() for thread in entries):
        number = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)/(?:issues|pull)/(\d+)", thread["url"])
        assert number is not None and thread["where"] == f"{number[1]}#{number[2]}"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert [target for target in missing if not TRACES.fullmatch(target)] == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_code_blocks_are_valid(page: Path) -> None:
    for language, code in re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
        if language == "python":
            ast.parse(textwrap.dedent(code))
        elif language == "toml":
            tomllib.loads(code)
        elif language == "yaml":
            YAML(typ="safe").load(code)
        elif language == "console":
            assert code.startswith(("$ resnet-lint ", "$ python ")) and code.count("\n") > 1
            files = re.findall(r"\S+\.(?:py|csv)\b", code.partition("\n")[0])
            assert files and all((ROOT / file).exists() for file in files)


def test_every_page_is_in_the_navigation() -> None:
    navigation = re.findall(r"[\w-]+\.md", (ROOT / "mkdocs.yml").read_text())
    assert {page.name for page in DOCS.glob("*.md")} <= set(navigation)
