"""The results of the check of a file, and of a complete run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .findings import Finding
from .requests import Interpreter

Status = Literal["checked", "skipped", "failed"]


@dataclass(frozen=True)
class ClassStatus:
    """The status of an nn.Module class in a file: how it was checked, or why it was not.

    `fed` are the inputs of the model in which it was checked, in the syntax of `--input`; `fed_from` is their origin:
    "line 31", "--input", "invented".
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
    """A class in another file of the project that was checked by the traces of a file, and how."""

    path: str
    name: str
    how: str


@dataclass(frozen=True)
class Outcome:
    """The result of tracing a model: the expression that constructs it, and its input and output shapes as text.

    `shapes` is None if the trace had a fault; `complete` is whether it reached the end anyway. `additions` of two
    activations, and calls of `layers` with parameters, are counted if they ran without a fault. `weights` is a digest
    of the names and shapes in the state dict, `widths` one of the channels that its layers give, `parameters` their
    number of elements, `multiply_adds` those of the convolutions and linear layers, `image_channels` those of the
    inputs that are images or videos. `guessed` is whether the arguments are guessed. `assumed` are the shapes of a
    trace that only failed where layers get other widths, which went on with what they should have given. For a proof,
    `shapes` names the symbols for which it holds, None if some arguments fail.
    """

    label: str
    shapes: str | None
    complete: bool = True
    additions: int = 0
    layers: int = 0
    weights: str = ""
    widths: str = ""
    parameters: int = 0
    multiply_adds: int = 0
    image_channels: tuple[int, ...] = ()
    guessed: bool = False
    assumed: str | None = None


@dataclass(frozen=True)
class FileReport:
    """The results for one file. `notes` are sentences for the user, such as targets that were not traced.

    `outcomes` are those of all traces; a fix must preserve those without a fault. `elsewhere` are classes of other
    files that were checked by the same traces.

    `reads` are the files that the result depends on, with their digests (None: looked up and not found). It is None
    if the file ended its process. `out_of_time`: a time limit was met and not every class was checked, so that another
    run may give a better result.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    classes: tuple[ClassStatus, ...] = ()
    notes: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    elsewhere: tuple[Covered, ...] = ()
    reads: dict[str, str | None] | None = None
    out_of_time: bool = False
    seconds: float | None = None


@dataclass(frozen=True)
class Rewrite:
    """A fixed file: its text before and after, the number of fixed findings, and the remaining findings."""

    path: str
    before: str
    after: str
    fixed: int
    left: tuple[Finding, ...]


@dataclass(frozen=True)
class Fixed:
    """A report with the fixes of its findings, and the fixed file if requested.

    `reads` are those of all trials. `out_of_time`: one of them met a time limit, see `FileReport`.
    """

    report: FileReport
    rewrite: Rewrite | None
    reads: dict[str, str | None] | None
    out_of_time: bool = False


@dataclass(frozen=True)
class Run:
    """A complete run: the files in the given order, and the elapsed seconds.

    `interpreter` is the one that loaded the models, None if none was loaded. `notes` are sentences about what was not
    analysed, such as a folder without Python files.

    `faults` are messages about bugs of resnet-lint on some files; such a run is incomplete. `part` is JSON data for
    `merge`, if the run is only a shard.
    """

    files: tuple[FileReport, ...]
    interpreter: Interpreter | None
    seconds: float
    notes: tuple[str, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    faults: tuple[str, ...] = ()
    part: object = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for file in self.files for finding in file.findings)

    @property
    def classes(self) -> tuple[ClassStatus, ...]:
        return tuple(status for file in self.files for status in file.classes)
