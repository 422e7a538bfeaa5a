"""The requests of the front to the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .places import Shape

# Operations that can be allowed, in addition to paths.
ALLOWABLE = ("network", "subprocess")


@dataclass(frozen=True)
class Shard:
    """One of `total` equal parts of the files; `number` starts at 1."""

    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


@dataclass(frozen=True)
class Target:
    """A constructor call and inputs of a class, specified by the user.

    `name` is the class, None for the class that `call` constructs, or for all classes. `call` is the constructor call
    (`Net(64, stride=2)`), `inputs` are `NAME=SHAPE` strings, such as `x=2x3x32x32` or `ids=2x16:int64`. `origin`
    describes where they are specified; `line` is the line of a comment in the file.
    """

    name: str | None
    call: str | None = None
    inputs: tuple[str, ...] = ()
    origin: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Retrace:
    """A request to trace a model again with inputs of these shapes; `target` is the expression that constructs it."""

    target: str
    inputs: tuple[Shape, ...]

    def __str__(self) -> str:
        return f"{self.target} with {' and '.join(map(str, self.inputs))}"


@dataclass(frozen=True)
class Prove:
    """A request to prove the additions of a class for all arguments, or else in the model constructed by `target`."""

    module: str
    target: str | None

    def __str__(self) -> str:
        return f"what {self.module} adds"


@dataclass(frozen=True)
class FileRequest:
    """The base class of requests, each about one file.

    The first of several `targets` for a class counts. `seconds` is the time limit. `guard` sandboxes the code of the
    file; `allow` are the exceptions: "network", "subprocess" and writable paths. `source` replaces the text of the
    file, to verify a fix before it is written.
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
    """Check a file. `rule_folders` are the folders of custom rules.

    `quick` traces only as many models as needed to cover each class. `retrace` and `prove` each request an additional
    outcome, labelled with their text.
    """

    rule_folders: tuple[str, ...] = ()
    quick: bool = False
    retrace: Retrace | None = None
    prove: Prove | None = None


@dataclass(frozen=True)
class TraceRequest(FileRequest):
    """Trace one model of a file: the one that `call` constructs, or the main one; optionally with its gradients."""

    quick: ClassVar[bool] = True

    call: str | None = None
    gradients: bool = False


Request = CheckRequest | TraceRequest


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter for loading models: its executable, its version, that of torch, and its search path."""

    executable: str
    python: str
    torch: str | None
    search_path: tuple[str, ...] = ()
