"""The report as JUnit test results: one suite per file, one failed test per finding."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import FileReport, Run
from resnet_lint.shared.source_text import shown

from .. import View
from ..facts import explanation
from ..summary import checked_classes, nothing_checked
from ..underline import display

_Element = ElementTree.Element


def report(run: Run, view: View) -> str:
    """One XML document. A file without findings is a passed test; an internal error is an error."""
    suites = [_suite(file, view.cwd) for file in run.files]
    if run.faults:
        suites.append(_named("resnet-lint", [_case("resnet-lint", "check", "error", fault) for fault in run.faults]))
    elif not checked_classes(run):
        why = "\n".join(nothing_checked(run, view))
        suites.append(_named("resnet-lint", [_case("resnet-lint", "check", "skipped", why)]))
    root = ElementTree.Element("testsuites", {"name": "resnet-lint", **_counts(suites)})
    root.extend(suites)
    ElementTree.indent(root)
    return f"<?xml version='1.0' encoding='UTF-8'?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _suite(file: FileReport, cwd: Path) -> _Element:
    name = shown(file.path, cwd)
    cases = [_failure(finding, cwd) for finding in file.findings]
    return _named(name, cases or [_case(name, "no findings")])


def _failure(finding: Finding, cwd: Path) -> _Element:
    path, start = shown(finding.span.path, cwd), finding.span.start
    name = f"{finding.rule} {finding.name}, line {start.line}"
    case = _case(path, name, "failure", explanation(finding, cwd), type=finding.severity)
    case.set("file", _valid(path))
    case.set("line", str(start.line))
    return case


def _named(name: str, cases: list[_Element]) -> _Element:
    suite = ElementTree.Element("testsuite", {"name": _valid(name), **_counts(cases)})
    suite.extend(cases)
    return suite


def _case(of: str, name: str, outcome: str | None = None, text: str = "", **more: str) -> _Element:
    case = ElementTree.Element("testcase", {"classname": _valid(of), "name": _valid(name)})
    if outcome is not None:
        first, _, _ = text.partition("\n")
        ElementTree.SubElement(case, outcome, {"message": _valid(first), **more}).text = _valid(text)
    return case


def _counts(parts: list[_Element]) -> dict[str, str]:
    """The count attributes of an element with these tests or suites."""
    tests = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    return {name: str(sum(len(list(part.iter(tag))) for part in parts)) for name, tag in tests.items()}


def _valid(text: str) -> str:
    """Replace characters that are invalid in XML: control characters and lone surrogates."""
    return "\n".join(map(display, text.split("\n")))
