"""What the front asks of the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .places import Shape

# What a file may be allowed beside changes to files.
ALLOWABLE = ("network", "subprocess")


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
class FileRequest:
    """What the front asks of the worker for one file, whatever it is to do with it.

    Of several `targets` that speak of a class, the first counts. `seconds` is the time limit for the file. `guard`
    refuses the file's code what it has no need to do, but for what `allow` holds: "network", "subprocess", and paths
    that it may change. `source` is read in place of the file's own text: that is how a fix is verified before it is
    written.
    """

    path: str
    only_class: str | None = None
    targets: tuple[Target, ...] = ()
    seconds: float = 60.0
    guard: bool = True
    allow: tuple[str, ...] = ()
    source: str | None = None


@dataclass(frozen=True)
class CheckRequest(FileRequest):
    """Check a file. `rule_folders` are the users' own rules.

    `quick` traces only as much as it takes to cover each class. `retrace` asks for one more outcome, so labelled; so
    does `prove`.
    """

    rule_folders: tuple[str, ...] = ()
    quick: bool = False
    retrace: Retrace | None = None
    prove: Prove | None = None


@dataclass(frozen=True)
class TraceRequest(FileRequest):
    """Trace one model of a file: the main one, or the one that `call` builds, where there is one."""

    quick: ClassVar[bool] = True

    call: str | None = None


Request = CheckRequest | TraceRequest


@dataclass(frozen=True)
class Interpreter:
    """A Python that may load models: its executable, its version, that of its torch, and where it finds modules."""

    executable: str
    python: str
    torch: str | None
    search_path: tuple[str, ...] = ()
