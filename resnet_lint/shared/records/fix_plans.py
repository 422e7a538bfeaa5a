"""What the worker knows of a fix: which layers, arguments and expressions to change. The front writes the edits."""

from __future__ import annotations

from dataclasses import dataclass

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
class FixPlan:
    """What would put a failure right: the kind of fix, its title in words, and what the edits are made from.

    `operand` is the operand of an addition or a concatenation that has to change, 0 for the first; `attribute` is the
    one of self: the flag to be narrowed, the shortcut to be used, the list to be registered; `at` is the expression to
    be edited, where it is not the finding's own. `changes_results` is true where a model that runs gives other values
    afterwards, or keeps its parameters under other names, which shapes do not show. `otherwise` is the next best fix,
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
    otherwise: FixPlan | None = None
    inputs: tuple[Shape, ...] = ()
