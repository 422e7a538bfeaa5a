"""The baseline: a file with the existing findings of a project, which are hidden so that only new ones are reported."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from resnet_lint.shared.errors import ConfigError, UsageError
from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.records.reports import FileReport
from resnet_lint.shared.source_text import shown
from resnet_lint.shared.write_file import write_atomically

from .fingerprint import Identity, identities

_VERSION = 1


@dataclass(frozen=True)
class Baseline:
    """The counts of existing findings. Paths in `file` are relative to its folder.

    `texts` replaces the contents of files, by path.
    """

    file: Path
    counts: Mapping[Identity, int]
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def summary(self) -> str:
        return f"recorded in the baseline {self.file.name}: {_findings(sum(self.counts.values()))}"

    def without_fixes(self, report: FileReport, source: str | None = None) -> FileReport:
        """The report without fix plans for existing findings. `source` replaces the text of its file."""
        sources = {} if source is None else {report.path: source}
        findings = zip(report.findings, self._are_old(report.findings, sources), strict=True)
        return replace(
            report, findings=tuple(replace(finding, fix_plan=None) if old else finding for finding, old in findings)
        )

    def without_old(self, reports: Sequence[FileReport]) -> tuple[FileReport, ...]:
        """The reports of a run, with only the new findings."""
        old = iter(self._are_old([finding for report in reports for finding in report.findings]))
        return tuple(
            replace(report, findings=tuple(finding for finding in report.findings if not next(old)))
            for report in reports
        )

    def _are_old(self, findings: Sequence[Finding], sources: Mapping[str, str] | None = None) -> Iterator[bool]:
        left = Counter(self.counts)
        for identity in identities(findings, self.folder, {**self.texts, **(sources or {})}):
            left[identity] -= 1
            yield left[identity] >= 0

    def notes(self, reports: Sequence[FileReport], was_checked: Callable[[Identity], bool]) -> list[str]:
        """Notes on existing findings: how many are hidden, and how many are gone."""
        met = self._met(reports)
        old = (met & Counter(self.counts)).total()
        gone = self._gone(met, reports, was_checked)
        notes = [f"in the baseline {self.file.name}: {_findings(old)}"] if old else []
        if gone:
            notes.append(
                f"gone, but in the baseline {self.file.name}: {_findings(gone)}; update it with --write-baseline"
            )
        return notes

    def _gone(
        self, met: Counter[Identity], reports: Sequence[FileReport], was_checked: Callable[[Identity], bool]
    ) -> int:
        """The number of findings that are gone; 0 unless all files in the baseline were checked or are deleted."""
        undecided = {shown(report.path, self.folder) for report in reports if not _is_decided(report)}
        existing = [identity for identity in self.counts if (self.folder / identity.path).exists()]
        if not all(map(was_checked, existing)):
            return 0
        return sum(
            max(0, count - met[identity]) for identity, count in self.counts.items() if identity.path not in undecided
        )

    def renewed(self, reports: Sequence[FileReport], was_checked: Callable[[Identity], bool]) -> Baseline:
        """A baseline of the findings of a run, and the existing ones in files that were not checked, unless deleted."""
        kept = {
            identity: count
            for identity, count in self.counts.items()
            if not was_checked(identity) and (self.folder / identity.path).exists()
        }
        return replace(self, counts=kept | self._met(reports))

    def _met(self, reports: Sequence[FileReport]) -> Counter[Identity]:
        findings = [finding for report in reports for finding in report.findings]
        return Counter(identities(findings, self.folder, self.texts))

    def write(self) -> None:
        """Write the file, one line per finding in a stable order. Raises UsageError."""
        entries = [
            json.dumps({**asdict(identity), "count": count}, ensure_ascii=False)
            for identity, count in sorted(self.counts.items())
        ]
        listed = ",".join(f"\n    {entry}" for entry in entries)
        text = f'{{\n  "version": {_VERSION},\n  "findings": [{listed}\n  ]\n}}\n'
        try:
            write_atomically(self.file, text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise UsageError(f"--baseline: cannot write {self.file}: {error.strerror}") from error


def _findings(number: int) -> str:
    return "1 finding" if number == 1 else f"{number} findings"


def _is_decided(report: FileReport) -> bool:
    """Whether all classes of a file were checked, so that missing findings are gone."""
    return bool(report.classes) and all(status.status != "failed" for status in report.classes)


def read_baseline(file: Path, *, may_be_missing: bool) -> Baseline:
    """Read a baseline. Raises ConfigError if it is damaged, or missing unless `may_be_missing`."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if may_be_missing:
            return Baseline(file, {})
        raise ConfigError(f"no such baseline: {file}; create it with --write-baseline") from error
    except OSError as error:
        raise ConfigError(f"cannot read the baseline {file}: {error.strerror}") from error
    except ValueError as error:  # invalid JSON or UTF-8
        raise ConfigError(f"the baseline {file} is damaged: {error}; {_ADVICE}") from error
    if not isinstance(data, dict) or data.get("version") != _VERSION or not isinstance(data.get("findings"), list):
        raise ConfigError(f"the baseline {file} is damaged: not a baseline of version {_VERSION}; {_ADVICE}")
    return Baseline(file, dict(_entry(finding, file) for finding in data["findings"]))


_ADVICE = "restore it, or delete it and create a new one with --write-baseline"


def _entry(value: Any, file: Path) -> tuple[Identity, int]:
    try:
        count = value.pop("count")
        identity = Identity(**value)
        if not all(isinstance(text, str) for text in value.values()) or not count > 0:
            raise TypeError
    except (AttributeError, KeyError, TypeError) as error:
        raise ConfigError(f"the baseline {file} is damaged: {value} is not a finding; {_ADVICE}") from error
    return identity, count
