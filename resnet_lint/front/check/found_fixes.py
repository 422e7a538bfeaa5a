"""The fixes of a file, which are not looked for again as long as nothing changes that they depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from resnet_lint.shared.records.reports import FileReport, Fixed, Rewrite
from resnet_lint.shared.records.requests import CheckRequest
from resnet_lint.shared.wire import to_json

from ..options.settings import Settings, default_of, name_of
from ..options.show_settings import as_toml
from ..workers.analyser import Analyser, FixCache

# What cannot change a fix: how results are shown, and how they are computed.
_IRRELEVANT = (
    *("exit_zero", "fail_on", "format", "output", "quiet", "statistics", "verbose"),
    *("cache", "cache_url", "jobs", "shard", "times", "warm"),
)

Analyse = Callable[[CheckRequest], FileReport]


def found_fixes(
    report: FileReport, request: CheckRequest, settings: Settings, analyse: Analyse, cache: Analyser
) -> tuple[FileReport, Rewrite | None]:
    """The report with fixes, and the rewritten file; `analyse` checks trial edits. Raises the errors of `fixed`."""

    def make() -> Fixed:
        from ..fix.apply import fixed  # imports libcst, which takes longer than the rest of an unchanged run

        trials = _Trials(analyse, report.reads, report.out_of_time)
        return Fixed(*fixed(report, request, settings, trials.analyse), trials.reads, trials.out_of_time)

    if settings.fix or settings.baseline is not None or not isinstance(cache, FixCache):
        found = make()
    else:
        found = cache.fixes(request, [to_json(report), _text_of(settings)], make)
    return found.report, found.rewrite


@dataclass
class _Trials:
    """Checks trial edits, and collects what the reports depend on; None if a file ended its process."""

    check: Analyse
    reads: dict[str, str | None] | None
    out_of_time: bool

    def analyse(self, request: CheckRequest) -> FileReport:
        """The report on a trial edit. Raises the errors of the analyser."""
        report = self.check(request)
        self.reads = _joined(self.reads, report.reads)
        self.out_of_time |= report.out_of_time
        return report


def _joined(first: dict[str, str | None] | None, second: dict[str, str | None] | None) -> dict[str, str | None] | None:
    """The files of both; None if one of them has changed between."""
    if first is None or second is None or any(first.get(path, digest) != digest for path, digest in second.items()):
        return None
    return first | second


def _text_of(settings: Settings) -> str:
    """The settings that fixes may depend on."""
    usual = {field: default_of(name_of(field)) for field in _IRRELEVANT}
    return as_toml(replace(settings, given=settings.given - usual.keys(), **usual))  # type: ignore[arg-type]
