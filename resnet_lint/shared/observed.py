"""What traces that run show of a model, for the rules on mistakes that raise nothing. Plain records, no torch.

Each kind of observation is a record of its own, with the evidence that its rule puts into the message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .records.fix_plans import FixPlan
from .records.places import Cause, Shape, Span

Use = Literal["added", "concatenated", "read"]
Operator = Literal["-", "*", "/"]
BatchCall = Literal["squeeze", "view", "concatenation"]


@dataclass(frozen=True)
class Observed:
    """Something seen at an expression, inside a module of a traced model. `target` is the source that builds it.

    `fix` is what would put it right, where that can be written.
    """

    span: Span
    module: str
    module_path: str
    target: str
    fix_plan: FixPlan | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class SelfAddition(Observed):
    """A tensor that layers of this block made is added to itself; `operand` says what it is, such as `bn2, line 9`."""

    operand: str


@dataclass(frozen=True)
class ChangedBeforeUse(Observed):
    """A variable's tensor is changed in place, and used afterwards as if it were still the old one.

    `change` is the call that changes it; `here` is true where the observation stands at the change and not at the use,
    whose line is `used_at`.
    """

    variable: str
    change: Cause
    here: bool
    use: Use
    used_at: int


@dataclass(frozen=True)
class AddedTwice(Observed):
    """A tensor is added to a sum that already has it, with no layer between; `first` is the line of the first time."""

    operand: str
    first: int


@dataclass(frozen=True)
class BothGrow(Observed):
    """An addition of two activations with a common source, where neither has the shape of the result."""

    shapes: tuple[Shape, Shape]
    result: Shape


@dataclass(frozen=True)
class OneChannelShortcut(Observed):
    """A projection with one channel out is added to a residual branch with more; `layer` says which projection."""

    layer: str
    shapes: tuple[Shape, Shape]


@dataclass(frozen=True)
class CutShortcut(Observed):
    """The shortcut of a residual addition passes no gradient: `how` says by what, such as `detach()`."""

    how: str


@dataclass(frozen=True)
class OtherOperator(Observed):
    """A block's input and its residual branch of the same shape are joined, but not by an addition."""

    operator: Operator
    branch: str


@dataclass(frozen=True)
class Discarded(Observed):
    """A result that nothing reads. `overwrites` is the line that computed it and the variable, None for a statement."""

    expression: str
    overwrites: tuple[int, str] | None


@dataclass(frozen=True)
class IdentityUnread(Observed):
    """A block saves its input under a name for the shortcut, never reads it, and adds its input nowhere."""

    variable: str


@dataclass(frozen=True)
class PlainChain(Observed):
    """A class that calls itself a residual block is a chain of `layers` layers, and nothing goes around them."""

    layers: int


@dataclass(frozen=True)
class Unregistered(Observed):
    """Modules that run but that their owner does not know of, since they lie in a plain list, tuple or dictionary."""

    attribute: str
    holder: str
    modules: int
    parameters: int


@dataclass(frozen=True)
class SharedByAccident(Observed):
    """One module stands at several places: `copies` of `layer` in a list, or a normalisation used after two layers."""

    layer: str
    copies: int
    first: int | None


@dataclass(frozen=True)
class BackwardFails(Observed):
    """A step of training that autograd refuses because of a change in place; `error` is what torch says.

    `change` is the call that changes a tensor, and `changed` says which tensor.
    """

    change: Cause
    changed: str
    error: str


@dataclass(frozen=True)
class NeverUsed(Observed):
    """A module or parameter that nothing calls or reads and no gradient reaches; only constructors mention it."""

    attribute: str
    is_shortcut: bool


@dataclass(frozen=True)
class BatchTrap(Observed):
    """A call that treats the batch as one of its own dimensions: with another batch size, what follows goes wrong.

    `result` is what the call gives with a batch of `batch`, None where it fails, and `consequence` what comes of it.
    """

    call: BatchCall
    batch: int
    result: Shape | None
    consequence: str


@dataclass(frozen=True)
class CodePerSample(Observed):
    """A position code that runs over the batch: `code` is added to `tensor`, whose axis `axis` is the sequence."""

    tensor: Shape
    code: Shape
    axis: int


@dataclass(frozen=True)
class ScrambledAxes(Observed):
    """A view or reshape moves the features to another axis without moving the values: a transpose was meant.

    `maker` had the features at axis `before` of `given`, and `taker` takes them from axis `after` of `result`.
    """

    given: Shape
    before: int
    maker: str
    result: Shape
    after: int
    taker: str


@dataclass(frozen=True)
class AttentionOverBatch(Observed):
    """Attention that takes its first axis for the sequence gets the batch first: samples attend to each other."""

    layer: str
    fed: Shape
