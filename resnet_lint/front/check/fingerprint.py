"""Identifies findings independently of line numbers, for baselines and CI services."""

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
    """A finding without its location. `path` is relative to a folder, with forward slashes.

    `text` is the first source line of the finding, or the message if the file has no such line; messages are not used
    otherwise, because shapes and torch's error messages may change.
    """

    path: str
    rule: str
    module: str
    text: str


def identities(
    findings: Sequence[Finding], root: Path, sources: Mapping[str, str] | None = None
) -> tuple[Identity, ...]:
    """The identities of findings; not necessarily distinct. Paths are relative to the folder `root`.

    `sources` replaces the contents of files, by path.
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
    """Distinct hashes of findings, 32 hexadecimal digits; equal findings are numbered in order."""
    met = Counter[Identity]()
    hashes = []
    for identity in identities(findings, root, sources):
        met[identity] += 1
        data = json.dumps([*astuple(identity), met[identity]]).encode()
        hashes.append(hashlib.sha256(data).hexdigest()[:32])
    return tuple(hashes)
