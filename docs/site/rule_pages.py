"""Generates a page for each rule from its file: documentation, cases, and threads in which people met the mistake."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from resnet_lint.front.check.report.rule_help import help_of
from resnet_lint.front.rule_pages import page_of
from resnet_lint.rule import Case, Rule
from resnet_lint.rule_loader import load_rules

_THREADS = Path(__file__).with_name("threads.toml")
_GROUPS = {
    "RL0": "Files and classes that could not be checked",
    "RL1": "Additions and concatenations that fail",
    "RL2": "Skip connections that run but are wrong",
    "RL3": "Layers, batches and axes",
    "RL4": "Modules",
    "RL5": "Comments",
}


def pages() -> dict[str, str]:
    """The Markdown of all pages, by path relative to the documentation."""
    rules = load_rules()
    threads = tomllib.loads(_THREADS.read_text(encoding="utf-8"))
    return {
        "rules/index.md": "\n".join(_index(rules)),
        **{f"rules/{rule.code}.md": "\n\n".join(_page(rule, threads.get(rule.code, []))) + "\n" for rule in rules},
    }


def link_pages(markdown: str) -> str:
    """Turn links to the files of rules into links to their pages."""
    codes = {Path(inspect.getfile(type(rule))).name: rule.code for rule in load_rules()}
    markdown = re.sub(r"\]\(\.\./rules/(\w+\.py)\)", lambda link: f"](rules/{codes[link[1]]}.md)", markdown)
    return markdown.replace("](../rules)", "](rules/index.md)")


def _index(rules: tuple[Rule, ...]) -> Iterator[str]:
    yield "# Rules\n"
    yield "Every page is generated from the file of the rule, whose cases are tests.\n"
    for prefix, title in _GROUPS.items():
        yield f"## {title}\n\n| code | name | finds | severity | fix |\n|---|---|---|---|---|"
        for rule in (rule for rule in rules if rule.code.startswith(prefix)):
            what = help_of(rule)["shortDescription"]["text"].replace("|", "\\|")
            fixable = "fixable" if rule.fixable else ""
            yield f"| [{rule.code}]({rule.code}.md) | {rule.name} | {what} | {rule.severity} | {fixable} |"
        yield ""


def _page(rule: Rule, threads: list[dict[str, str]]) -> Iterator[str]:
    yield f"# {rule.code}: {rule.name}"
    fixable = "; `--fix` can fix some of its findings" if rule.fixable else ""
    yield f"Severity: **{rule.severity}**{fixable}."
    yield help_of(rule)["help"]["markdown"].replace("```\n", "```python\n", 1).replace("\n\n```\n", "\n\n```python\n")
    if threads:
        yield "## Met in"
        yield "\n".join(f"- [{thread['where']}]({thread['url']}): {thread['what']}" for thread in threads)
    for title, cases in (("Reported", rule.bad), ("Not reported", rule.good)):
        yield f"## {title}"
        for case in cases:
            yield _case(case)
    yield f"[Source of the rule]({page_of(rule)})"


def _case(case: Case) -> str:
    name = case.name[:1].upper() + case.name[1:]
    options = [*([f"--call '{case.call}'"] if case.call else []), *(f"--input {text}" for text in case.inputs)]
    note = f" (`{' '.join(options)}`)" if options else ""
    return f"{name}{note}:\n\n```python\n{case.text.strip()}\n```"
