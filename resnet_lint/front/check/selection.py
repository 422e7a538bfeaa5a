"""The select stage: removes findings that the user does not want, and reports unused and invalid ignore comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from resnet_lint.apply_rules import check, nearest_code
from resnet_lint.graph.analysis import Analysis
from resnet_lint.rule import Rule
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.evidence import Problem
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import FileReport

from ..options.settings import Settings
from ..source.comments import Code, Comments, Ignore
from ..source.contents import Contents, comments_of_text
from ..source.gitignore import Layer, layer_of

Use = tuple[str, int, str]
"""A file, the index of an ignore comment in it, and one of its codes (empty for an ignore without codes)."""


@dataclass(frozen=True)
class Kept:
    """A report with the selected findings, and the comments that suppressed others."""

    report: FileReport
    used: frozenset[Use] = frozenset()


@dataclass(frozen=True)
class Selector:
    """Selects findings according to options, configuration and comments.

    `per_file` are the codes to ignore in the files of a layer.
    """

    rules: Sequence[Rule]
    selection: Selection
    per_file: Sequence[tuple[Layer, tuple[str, ...]]] = ()
    contents: Contents = field(default_factory=Contents)

    def keeps(self, code: str, path: str) -> bool:
        """Whether a code is enabled in a file, without regard to its comments."""
        if not self.selection.keeps(code):
            return False
        return not any(
            code.startswith(codes) and layer.verdict(Path(path), folder=False) for layer, codes in self.per_file
        )

    def kept(self, report: FileReport, source: str | None = None) -> Kept:
        """Select the findings of a report. `source` replaces the text of its file."""
        edited = comments_of_text(Path(report.path), source) if source is not None else None

        def comments(path: str) -> Comments:
            return edited if path == report.path and edited is not None else self.contents.of(Path(path)).comments

        shown, used = [], set[Use]()
        for finding in report.findings:
            path = finding.span.path
            if self.keeps(finding.rule, path):
                uses = {(path, number, code) for number, code in _hiding(finding, comments(path))}
                used |= uses
                shown += [finding] if not uses else []
        return Kept(replace(report, findings=tuple(shown)), frozenset(used))

    def remarks(self, path: str, reports: Sequence[FileReport], used: Set[Use], *, whole: bool) -> tuple[Finding, ...]:
        """The findings about the comments of a file, after all files were analysed.

        `reports` are those on this file, `used` are the comments that suppressed a finding in any report; `whole` is
        whether the file was checked completely, not only single classes.
        """
        found = check(Analysis(path, tuple(self._problems(path, reports, used, whole))), self.rules)
        return tuple(finding for finding in found if self.keeps(finding.rule, path))

    def _problems(self, path: str, reports: Sequence[FileReport], used: Set[Use], whole: bool) -> Iterator[Problem]:
        comments = self.contents.of(Path(path)).comments
        yield from comments.mistakes
        for number, ignore in enumerate(comments.ignores):
            unknown = [code for code in ignore.codes if not self._codes_of(code.text)]
            for code in unknown:
                advice = nearest_code(code.text, [rule.code for rule in self.rules])
                yield Problem("comment", code.span, f"no rule has the code {code.text!r}; {advice}")
            judged = [code for code in ignore.codes if code not in unknown]
            around = [] if ignore.whole_file else comments.around(ignore.line)
            if (around or whole) and _is_decided(around, reports):
                yield from self._unused(path, number, ignore, judged, used)

    def _unused(
        self, path: str, number: int, ignore: Ignore, codes: Sequence[Code], used: Set[Use]
    ) -> Iterator[Problem]:
        where = "in this file" if ignore.whole_file else "on this line"
        if not ignore.codes and self._is_judged("", path) and (path, number, "") not in used:
            yield Problem("unused ignore", ignore.span, f"nothing to ignore {where}; remove the comment")
        for code in codes:
            if self._is_judged(code.text, path) and (path, number, code.text) not in used:
                yield Problem("unused ignore", code.span, f"no {code.text} to ignore {where}; remove the code")

    def _is_judged(self, code: str, path: str) -> bool:
        """Whether all rules with this code or prefix are enabled."""
        return all(self.keeps(known, path) for known in self._codes_of(code))

    def _codes_of(self, beginning: str) -> list[str]:
        return [rule.code for rule in self.rules if rule.code.startswith(beginning)]


def selector(settings: Settings, rules: Sequence[Rule], contents: Contents) -> Selector:
    """The selector for some settings.

    Raises UsageError for an unknown rule code, and ConfigError for an invalid pattern.
    """
    in_files = [code for _, codes in settings.per_file_ignores for code in codes]
    check_codes([*settings.select, *settings.extend_select, *settings.ignore, *in_files], rules)
    select = (*settings.select, *settings.extend_select) if settings.select else ()
    per_file = [
        (layer_of("per-file-ignores", settings.root, [pattern]), codes) for pattern, codes in settings.per_file_ignores
    ]
    always = tuple(rule.code for rule in rules if rule.traits.about != "model")
    return Selector(rules, Selection(select, settings.ignore, always), per_file, contents)


def unmatched_patterns(settings: Settings, files: Iterable[Path]) -> Iterator[str]:
    """The patterns of per-file-ignores that match none of the `files`, which are all files of the project."""
    paths = list(files)
    for pattern, _ in settings.per_file_ignores:
        layer = layer_of("per-file-ignores", settings.root, [pattern])
        if not any(layer.verdict(path, folder=False) for path in paths):
            yield pattern


def _hiding(finding: Finding, comments: Comments) -> Iterator[tuple[int, str]]:
    """The ignore comments that apply to a finding: their indices, and the matching code, empty if they have none."""
    lines = finding.span.lines
    near = {*lines, comments.last_lines.get(lines[-1], lines[-1])}
    for number, ignore in enumerate(comments.ignores):
        if ignore.whole_file or ignore.line in near:
            codes = [code.text for code in ignore.codes] or [""]
            yield from ((number, code) for code in codes if finding.rule.startswith(code))


def _is_decided(classes: Sequence[str], reports: Sequence[FileReport]) -> bool:
    """Whether the reports on a file are complete for the first of these classes that they contain.

    Code outside of classes requires all classes to be complete.
    """
    statuses = {status.name: status.status for report in reports for status in report.classes}
    if any(report.notes for report in reports):  # something was skipped
        return False
    if not classes:
        return "checked" in statuses.values() and "failed" not in statuses.values()
    innermost = next((statuses[name] for name in classes if name in statuses), None)
    return innermost == "checked"


@dataclass(frozen=True)
class Selection:
    """The enabled and disabled rule codes or prefixes: `RL1` stands for all its codes.

    `always` are enabled without being selected, because a file that was not checked must be reported.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    always: tuple[str, ...] = ()

    def keeps(self, code: str) -> bool:
        """Whether a code is enabled: not ignored, and selected if there is a selection."""
        if code.startswith(self.ignore):
            return False
        return not self.select or code.startswith((*self.select, *self.always))


def check_codes(codes: Iterable[str], rules: Sequence[Rule]) -> None:
    """Raise UsageError for unknown rule codes, which would silently select nothing."""
    known = [rule.code for rule in rules]
    for code in codes:
        if not any(existing.startswith(code) for existing in known):
            raise UsageError(f"no rule has the code {code!r}; {nearest_code(code, known)}")
