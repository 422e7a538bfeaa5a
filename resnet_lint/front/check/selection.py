"""The select stage: which findings the user wants to see, and what is amiss with the comments that hide some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from resnet_lint.apply_rules import check, nearest_code
from resnet_lint.graph.analysis import Analysis
from resnet_lint.rule import Rule
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.evidence import Problem
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import FileReport

from ..options.settings import Settings
from ..source.comments import Code, Comments, Ignore, read_comments
from ..source.gitignore import Layer, layer_of

Use = tuple[str, int, str]
"""A file, the number of an ignore comment in it, and one of its codes, empty where it names none."""


@dataclass(frozen=True)
class Kept:
    """A report with the findings that are wanted, and the comments that have hidden others."""

    report: FileReport
    used: frozenset[Use] = frozenset()


@dataclass(frozen=True)
class Selector:
    """Keeps what the options, the configuration and the comments in the files leave of a report.

    `per_file` has the codes to ignore in the files of a layer. `texts` stand in for those of files.
    """

    rules: Sequence[Rule]
    selection: Selection
    per_file: Sequence[tuple[Layer, tuple[str, ...]]] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    def keeps(self, code: str, path: str) -> bool:
        """Whether findings with a code are wanted in a file, whatever its comments say."""
        if not self.selection.keeps(code):
            return False
        return not any(
            code.startswith(codes) and layer.verdict(Path(path), folder=False) for layer, codes in self.per_file
        )

    def kept(self, report: FileReport, source: str | None = None) -> Kept:
        """What is wanted of a report. `source` stands in for the text of the report's own file."""

        @cache
        def comments(path: str) -> Comments:
            return read_comments(path, source if path == report.path else self.texts.get(path))

        shown, used = [], set[Use]()
        for finding in report.findings:
            path = finding.span.path
            if self.keeps(finding.rule, path):
                uses = {(path, number, code) for number, code in _hiding(finding, comments(path))}
                used |= uses
                shown += [finding] if not uses else []
        return Kept(replace(report, findings=tuple(shown)), frozenset(used))

    def remarks(self, path: str, reports: Sequence[FileReport], used: Set[Use], *, whole: bool) -> tuple[Finding, ...]:
        """What is amiss with the comments of a file, once all files have been analysed.

        `reports` are those on this file, and `used` are the comments that have hidden something in any; `whole` says
        that the reports are not on single classes only.
        """
        found = check(Analysis(path, tuple(self._problems(path, reports, used, whole))), self.rules)
        return tuple(finding for finding in found if self.keeps(finding.rule, path))

    def _problems(self, path: str, reports: Sequence[FileReport], used: Set[Use], whole: bool) -> Iterator[Problem]:
        comments = read_comments(path, self.texts.get(path))
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
        """Whether all that a code stands for was looked for."""
        return all(self.keeps(known, path) for known in self._codes_of(code))

    def _codes_of(self, beginning: str) -> list[str]:
        return [rule.code for rule in self.rules if rule.code.startswith(beginning)]


def selector(settings: Settings, rules: Sequence[Rule], texts: Mapping[str, str]) -> Selector:
    """What the settings select; `texts` stand in for those of files.

    Raises UsageError for a code that no rule has, and ConfigError for a wrong pattern.
    """
    in_files = [code for _, codes in settings.per_file_ignores for code in codes]
    check_codes([*settings.select, *settings.extend_select, *settings.ignore, *in_files], rules)
    select = (*settings.select, *settings.extend_select) if settings.select else ()
    per_file = [
        (layer_of("per-file-ignores", settings.root, [pattern]), codes) for pattern, codes in settings.per_file_ignores
    ]
    always = tuple(rule.code for rule in rules if rule.traits.about != "model")
    return Selector(rules, Selection(select, settings.ignore, always), per_file, texts)


def unmatched_patterns(settings: Settings, files: Iterable[Path]) -> Iterator[str]:
    """The patterns of per-file-ignores that no file has, when the `files` are all of the project."""
    paths = list(files)
    for pattern, _ in settings.per_file_ignores:
        layer = layer_of("per-file-ignores", settings.root, [pattern])
        if not any(layer.verdict(path, folder=False) for path in paths):
            yield pattern


def _hiding(finding: Finding, comments: Comments) -> Iterator[tuple[int, str]]:
    """The comments that hide a finding: their numbers, and the code of each that does it, empty where it has none."""
    lines = finding.span.lines
    near = {*lines, comments.last_lines.get(lines[-1], lines[-1])}
    for number, ignore in enumerate(comments.ignores):
        if ignore.whole_file or ignore.line in near:
            codes = [code.text for code in ignore.codes] or [""]
            yield from ((number, code) for code in codes if finding.rule.startswith(code))


def _is_decided(classes: Sequence[str], reports: Sequence[FileReport]) -> bool:
    """Whether the reports on a file say all there is to find inside the first of these classes that they know.

    What stands outside of classes is decided by all of them.
    """
    statuses = {status.name: status.status for report in reports for status in report.classes}
    if any(report.notes for report in reports):  # something was left out
        return False
    if not classes:
        return "checked" in statuses.values() and "failed" not in statuses.values()
    innermost = next((statuses[name] for name in classes if name in statuses), None)
    return innermost == "checked"


@dataclass(frozen=True)
class Selection:
    """The codes to keep and the codes to leave out, or their beginnings: `RL1` is every code that starts so.

    `always` are those that need no selecting: a file that was not checked is not clean.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    always: tuple[str, ...] = ()

    def keeps(self, code: str) -> bool:
        """Ignored codes never; else the selected ones, or all."""
        if code.startswith(self.ignore):
            return False
        return not self.select or code.startswith((*self.select, *self.always))


def check_codes(codes: Iterable[str], rules: Sequence[Rule]) -> None:
    """Raise UsageError for a code that no rule has, for it would silently select nothing."""
    known = [rule.code for rule in rules]
    for code in codes:
        if not any(existing.startswith(code) for existing in known):
            raise UsageError(f"no rule has the code {code!r}; {nearest_code(code, known)}")
