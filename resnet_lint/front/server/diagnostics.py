"""Turns findings into diagnostics, and keeps those of all open documents apart by the file that they are shown in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lsprotocol import types
from pygls import uris
from pygls.workspace import PositionCodec

from resnet_lint.rule import Rule
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.places import Position
from resnet_lint.shared.source_text import lines_of

from ..check.report.facts import explanation
from ..rule_pages import page_of
from .positions import ClientText

SOURCE = "resnet-lint"

_SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
}


class Diagnostics:
    """Converts findings; `texts` are the open documents by path, which may differ from the files."""

    def __init__(self, rules: Sequence[Rule], texts: Mapping[str, str], codec: PositionCodec) -> None:
        self._pages = {rule.code: page_of(rule) for rule in rules}
        self._texts = texts
        self._codec = codec

    def by_path(self, findings: Iterable[Finding]) -> dict[str, list[types.Diagnostic]]:
        """The diagnostics of findings by the path of the file that they are in."""
        found: dict[str, list[types.Diagnostic]] = {}
        for finding in findings:
            found.setdefault(finding.span.path, []).append(self.of(finding))
        return found

    def of(self, finding: Finding) -> types.Diagnostic:
        """The diagnostic of a finding."""
        page = self._pages.get(finding.rule)
        return types.Diagnostic(
            range=self._text(finding.span.path).range(finding.span.start, finding.span.end),
            severity=_SEVERITIES[finding.severity],
            code=finding.rule,
            code_description=types.CodeDescription(page) if page is not None else None,
            source=SOURCE,
            message=explanation(finding, Path(finding.span.path).parent),
            related_information=list(self._causes(finding)) or None,
        )

    def _causes(self, finding: Finding) -> Iterator[types.DiagnosticRelatedInformation]:
        for cause in finding.causes:
            text = self._text(cause.path)
            if cause.line <= len(text.lines):
                start = Position(cause.line, 1)
                place = types.Range(text.position(start), text.end_of_line(cause.line).end)
                location = types.Location(uris.from_fs_path(cause.path) or "", place)
                yield types.DiagnosticRelatedInformation(location, cause.text)

    def _text(self, path: str) -> ClientText:
        return ClientText("\n".join(lines_of(path, self._texts)), self._codec)


class Shown:
    """The diagnostics that the client shows: a document may have findings in the files that it imports."""

    def __init__(self) -> None:
        self._by_document: dict[str, dict[str, list[types.Diagnostic]]] = {}

    def replace(self, document: str, by_path: dict[str, list[types.Diagnostic]]) -> dict[str, list[types.Diagnostic]]:
        """Replace the diagnostics from one document; return those of all files that are concerned, by path."""
        before = self._by_document.get(document, {})
        self._by_document[document] = by_path
        return {path: list(self._of(path)) for path in {document, *before, *by_path}}

    def _of(self, path: str) -> Iterator[types.Diagnostic]:
        known = []
        for by_path in self._by_document.values():
            for diagnostic in by_path.get(path, []):
                if diagnostic not in known:
                    known.append(diagnostic)
                    yield diagnostic
