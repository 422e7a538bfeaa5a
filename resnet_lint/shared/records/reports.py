"""What is known of a file after its check, and of a whole run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .findings import Finding
from .requests import Interpreter

Status = Literal["checked", "skipped", "failed"]


@dataclass(frozen=True)
class ClassStatus:
    """What became of one nn.Module class of a file: how it was checked, or why it was not.

    `fed` are the inputs of the model that it was checked in, as a user writes them; `fed_from` says where these come
    from: "line 31", "--input", "invented".
    """

    path: str
    name: str
    line: int
    status: Status
    how: str | None = None
    reason: str | None = None
    fed: str | None = None
    fed_from: str | None = None


@dataclass(frozen=True)
class Covered:
    """A class of another file of the project that the traces of a file have checked, and how."""

    path: str
    name: str
    how: str


@dataclass(frozen=True)
class Outcome:
    """What a model gave in a trace: the source that builds it, and its input and output shapes as text.

    `shapes` is None where the trace had a fault; `complete` says whether it came to its end all the same. Of a proof
    `shapes` names what may be anything, None where some arguments fail.
    """

    label: str
    shapes: str | None
    complete: bool = True


@dataclass(frozen=True)
class FileReport:
    """Everything that is known of one file. `notes` are sentences for the reader, such as targets left untraced.

    `outcomes` are those of all traces; those without a fault are what a fix has to leave as it is. `elsewhere` are
    classes of other files that were checked on the way.

    `reads` are the files that the answer rests on, each with its digest (None: it was looked for and not there). There
    are none for an answer that the next try may better, because time was up for a class, or the file ended its process.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    classes: tuple[ClassStatus, ...] = ()
    notes: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    elsewhere: tuple[Covered, ...] = ()
    reads: dict[str, str | None] | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Rewrite:
    """A file whose findings were fixed: its text before and after, how many that put right, and the ones left."""

    path: str
    before: str
    after: str
    fixed: int
    left: tuple[Finding, ...]


@dataclass(frozen=True)
class Run:
    """A whole run: the files in the order they were given, and the seconds it took.

    `interpreter` is the one that models were loaded in, None where no file came so far. `notes` are sentences about
    what was not analysed, such as a folder without Python files.

    `faults` are lines on files that the tool itself failed on; such a run is not complete.
    """

    files: tuple[FileReport, ...]
    interpreter: Interpreter | None
    seconds: float
    notes: tuple[str, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for file in self.files for finding in file.findings)

    @property
    def classes(self) -> tuple[ClassStatus, ...]:
        return tuple(status for file in self.files for status in file.classes)
