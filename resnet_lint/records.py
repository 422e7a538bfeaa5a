"""The frozen records that travel between the stages.

Nothing here imports torch: the same records are read on both sides, by the front (which prints) and by the worker
(which traces). Lines and columns count from 1; an end is exclusive. A shape is a tuple of sizes, batch first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = tuple[int, ...]
Severity = Literal["error", "warning", "info"]
Status = Literal["checked", "skipped", "failed"]
Applicability = Literal["safe", "unsafe", "suggestion"]

# What a file may be allowed beside changes to files.
ALLOWABLE = ("network", "subprocess")

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")


@dataclass(frozen=True, order=True)
class Position:
    """A place in a source file: line and column, both from 1; the column counts characters."""

    line: int
    column: int


@dataclass(frozen=True, order=True)
class Span:
    """An expression in a source file. `path` is absolute inside the tool; the reports shorten it."""

    path: str
    start: Position
    end: Position

    @property
    def lines(self) -> range:
        """The lines that the expression covers; an end at the beginning of a line leaves that line out."""
        last = self.end.line - 1 if self.end.column == 1 and self.end.line > self.start.line else self.end.line
        return range(self.start.line, last + 1)


@dataclass(frozen=True)
class Operand:
    """One side of the operation that a finding is about: its role ("residual branch", "shortcut") and its shape."""

    role: str
    shape: Shape
    symbolic: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Cause:
    """A line that explains a finding, such as the layer that changed the channels."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Edit:
    """Replace the text between two positions of the finding's file."""

    start: Position
    end: Position
    text: str


@dataclass(frozen=True)
class Fix:
    """A mend: `title` says it in words; without `edits` it is a suggestion that nobody has verified.

    `proved` names what may be anything, beyond the models that were traced again: `cin, stride and the sizes`.
    """

    title: str
    applicability: Applicability = "suggestion"
    verified: bool = False
    edits: tuple[Edit, ...] = ()
    proved: str | None = None


@dataclass(frozen=True)
class Site:
    """A layer of a skip connection and how it came to be built.

    `name` is its path inside the block (`conv1`, `body.0`). `calls` are the expressions that led to it, the innermost
    first: `nn.Conv2d(...)` in a helper, the helper's call in the block's constructor, the call of the block, and so on.
    `parameters` are those of the layer's constructor in order, for calls that name no class (`norm_layer(64)`).
    """

    name: str
    sort: str
    calls: tuple[Span, ...]
    channels: tuple[int, int] | None = None
    stride: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """Build a layer with another argument: `value` as plain source; better as the expression that `like` is built with.

    `like_argument` is the name of that argument of `like`.
    """

    site: Site
    argument: str
    value: str
    like: Site | None = None
    like_argument: str | None = None


@dataclass(frozen=True)
class Projection:
    """A projection to be put on the shortcut of a failing addition.

    `operand` says which operand of the addition is the shortcut, 0 or 1; `axes` counts the spatial axes, 0 for linear
    layers. `branch` are the layers of the residual branch with weights, in order; `norm` is the last normalisation
    among them. `conditional` is true where the block's addition works for other instances, which have to stay.
    """

    operand: int
    channels: tuple[int, int]
    stride: tuple[int, ...]
    axes: int
    branch: tuple[Site, ...]
    norm: Site | None
    conditional: bool


@dataclass(frozen=True)
class Mend:
    """What would put a failure right: the kind of mend, its title in words, and what the edits are made from.

    `operand` is the operand of an addition or a concatenation that has to change, 0 for the first; `attribute` is the
    one of self: the flag to be narrowed, the shortcut to be used, the list to be registered; `at` is the expression to
    be edited, where it is not the finding's own. `changes_results` is true where a model that runs gives other values
    afterwards, or keeps its parameters under other names, which shapes do not show. `otherwise` is the next best mend,
    where this one cannot be written or does not hold.
    `inputs` are the shapes of inputs at which the failure shows, where its target works with its own.
    """

    kind: str
    title: str
    changes: tuple[Change, ...] = ()
    projection: Projection | None = None
    operand: int | None = None
    attribute: str | None = None
    at: Span | None = None
    changes_results: bool = False
    otherwise: Mend | None = None
    inputs: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What a rule has to say about one expression, at one or many places of the model."""

    rule: str
    name: str
    severity: Severity
    message: str
    span: Span
    module: str | None = None
    module_paths: tuple[str, ...] = ()
    target: str | None = None
    operands: tuple[Operand, ...] = ()
    causes: tuple[Cause, ...] = ()
    fix: Fix | None = None
    mend: Mend | None = None


@dataclass(frozen=True)
class ClassStatus:
    """What became of one nn.Module class of a file: how it was checked, or why it was not."""

    path: str
    name: str
    line: int
    status: Status
    how: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of a run: the `number`th of `total`, from 1."""

    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


@dataclass(frozen=True)
class Target:
    """How a class is to be built and what it is to be fed, as a user says it.

    `name` is the class, None for whatever `call` builds, or for all classes. `call` builds it (`Net(64, stride=2)`);
    `inputs` are `NAME=SHAPE` strings, such as `x=2x3x32x32` or `ids=2x16:int64`. `origin` says in words where that is
    written; `line` is the line of the file where it is a comment there.
    """

    name: str | None
    call: str | None = None
    inputs: tuple[str, ...] = ()
    origin: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Retrace:
    """The model that the source `target` builds, to be traced once more with inputs of these shapes."""

    target: str
    inputs: tuple[Shape, ...]

    def __str__(self) -> str:
        return f"{self.target} with {' and '.join(map(str, self.inputs))}"


@dataclass(frozen=True)
class Prove:
    """The additions of a class, to be proved for all its arguments, or else in the model that `target` builds."""

    module: str
    target: str | None

    def __str__(self) -> str:
        return f"what {self.module} adds"


@dataclass(frozen=True)
class Request:
    """What the front asks of the worker for one file.

    Of several `targets` that speak of a class, the first counts. `seconds` is the time limit for the file;
    `rule_folders` are the users' own rules. `guard` refuses the file's code what it has no need to do, but for what
    `allow` holds: "network", "subprocess", and paths that it may change. `source` is read in place of the file's own
    text: that is how a fix is verified before it is written. `quick` traces only as much as it takes to cover each
    class. `retrace` asks for one more outcome, so labelled; so does `prove`.

    The `job` is a check, or the trace of one model: the main one, or the one that `call` builds, where there is one.
    """

    path: str
    only_class: str | None = None
    targets: tuple[Target, ...] = ()
    seconds: float = 60.0
    rule_folders: tuple[str, ...] = ()
    guard: bool = True
    allow: tuple[str, ...] = ()
    source: str | None = None
    quick: bool = False
    job: Literal["check", "trace"] = "check"
    call: str | None = None
    retrace: Retrace | None = None
    prove: Prove | None = None


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
class InputContract:
    """An input of a model: its sizes as letters (`N`, `H`) or as the numbers that the model fixes, and its dtype."""

    name: str
    sizes: tuple[str, ...]
    dtype: str

    @property
    def rank(self) -> int:
        return len(self.sizes)


@dataclass(frozen=True)
class Condition:
    """What a model asks of the sizes of its inputs: `text` is Python (`H % 32 == 0`), with `ceil`.

    `kind` is fixed, least, divisible, range, or relation (of several sizes). `works` and `fails` are sizes on both
    sides of it at which the model was run.
    """

    text: str
    kind: str
    works: tuple[int, ...] = ()
    fails: tuple[int, ...] = ()


@dataclass(frozen=True)
class Contract:
    """Which inputs a model takes. It was held against runs at sizes from 1 to `largest`, `runs` of them.

    `doubt` says why it may not be the whole truth, None where nothing speaks against it. Without inputs, nothing is
    known.
    """

    inputs: tuple[InputContract, ...]
    conditions: tuple[Condition, ...]
    largest: int
    runs: int
    doubt: str | None = None


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
    """A file whose findings were mended: its text before and after, how many that put right, and the ones left."""

    path: str
    before: str
    after: str
    mended: int
    left: tuple[Finding, ...]


@dataclass(frozen=True)
class Interpreter:
    """A Python that may load models: its executable, its version, that of its torch, and where it finds modules."""

    executable: str
    python: str
    torch: str | None
    search_path: tuple[str, ...] = ()


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
