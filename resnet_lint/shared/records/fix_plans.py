"""What the worker knows of a fix: which layers, arguments and expressions to change. The front writes the edits."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from .places import Shape, Span


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
class Plan:
    """What any fix plan says: the title of the fix, in words.

    `changes_results` is true where a model that runs gives other values afterwards, or keeps its parameters under other
    names, which shapes do not show. `otherwise` is the next best plan, where this one cannot be written or does not
    hold. `inputs` are the shapes of inputs at which the failure shows, where its target works with its own.
    """

    title: str
    _: KW_ONLY
    changes_results: bool = False
    otherwise: FixPlan | None = None
    inputs: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class ProjectShortcut(Plan):
    """Give the shortcut of a failing addition a projection."""

    projection: Projection


@dataclass(frozen=True)
class ChangeArguments(Plan):
    """Build layers with other arguments."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class ResizeToSkip(Plan):
    """Bring one operand of an addition or a concatenation to the size of the other; `operand` is 0 for the first."""

    operand: int


@dataclass(frozen=True)
class NarrowFlag(Plan):
    """Restrict `self.<flag>`, under which a block adds its input, to the shapes that need no projection."""

    flag: str
    projection: Projection


@dataclass(frozen=True)
class UseShortcut(Plan):
    """Send an operand of the addition, 0 for the first, through `self.<module>`, which the block has for it."""

    module: str
    operand: int
    addition: Span


@dataclass(frozen=True)
class MakeOutOfPlace(Plan):
    """Create a new tensor where one is modified in place: by a layer's argument, or by the expression at a span."""

    modified_by: Change | Span


@dataclass(frozen=True)
class RegisterModules(Plan):
    """Make the list, tuple or dictionary `self.<attribute>` one that registers the modules in it."""

    attribute: str


@dataclass(frozen=True)
class UseResult(Plan):
    """Assign the result of the expression to a variable, or pass the variable's value to the call that drops it."""


@dataclass(frozen=True)
class KeepBatch(Plan):
    """Flatten all but the batch where a call drops the batch, or has its size written in."""


@dataclass(frozen=True)
class Hint(Plan):
    """What a person should do: there is nothing to be written."""


FixPlan = (
    ProjectShortcut
    | ChangeArguments
    | ResizeToSkip
    | NarrowFlag
    | UseShortcut
    | MakeOutOfPlace
    | RegisterModules
    | UseResult
    | KeepBatch
    | Hint
)
"""A plan of any kind. How it becomes edits is in `front/fix/writers/`, in the module that has its name."""
