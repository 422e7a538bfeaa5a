"""What stays of a finding when lines move: how a baseline or a CI service knows it again."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

from resnet_lint.shared.records.findings import Finding
from resnet_lint.shared.source_text import lines_of, shown


@dataclass(frozen=True, order=True)
class Identity:
    """A finding without its place. `path` is relative to a folder, with forward slashes.

    `text` is the source line that the finding begins on, or the message where the file has no such line: shapes, and
    torch's words for a fault, differ from one version to the next.
    """

    path: str
    rule: str
    module: str
    text: str


def identities(
    findings: Sequence[Finding], root: Path, sources: Mapping[str, str] | None = None
) -> tuple[Identity, ...]:
    """The identity of each finding; equal findings have equal ones. Paths are relative to the folder `root`.

    `sources` has texts that stand in for those of the files, by path.
    """

    @cache
    def lines_in(path: str) -> Sequence[str]:
        return lines_of(path, sources)

    def text(finding: Finding) -> str:
        line = finding.span.start.line
        lines = lines_in(finding.span.path)[line - 1 : line]
        return " ".join(" ".join(lines).split()) or finding.message

    return tuple(
        Identity(shown(finding.span.path, root), finding.rule, finding.module or "", text(finding))
        for finding in findings
    )


def fingerprints(findings: Sequence[Finding], root: Path, sources: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """A hash for each finding, 32 hexadecimal digits, no two alike: equal findings are counted in their order."""
    met = Counter[Identity]()
    hashes = []
    for identity in identities(findings, root, sources):
        met[identity] += 1
        data = json.dumps([*astuple(identity), met[identity]]).encode()
        hashes.append(hashlib.sha256(data).hexdigest()[:32])
    return tuple(hashes)
