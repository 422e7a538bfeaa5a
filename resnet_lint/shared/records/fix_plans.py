"""Fix plans: which layers, arguments and expressions to change. The worker creates them, the front writes the edits."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from .places import Shape, Span


@dataclass(frozen=True)
class Site:
    """A layer, and the calls that constructed it.

    `name` is its path inside the block (`conv1`, `body.0`). `calls` are the expressions on the call stack, innermost
    first: `nn.Conv2d(...)` in a helper, the call of the helper in the block's constructor, the call of the block, ...
    `parameters` are those of the layer's constructor in order, for calls without a class name (`norm_layer(64)`).
    """

    name: str
    sort: str
    calls: tuple[Span, ...]
    channels: tuple[int, int] | None = None
    stride: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """Construct a layer with another argument: `value` as source, or preferably the expression used for `like`.

    `like_argument` is the name of the argument of `like`. If `like` is `outside` of the block, its expression in the
    constructor of the block is about another instance; from `common` on, the calls of both layers are those of the
    same module. `unread`: the value is a name that is computed for this argument, and that no layer gets.
    """

    site: Site
    argument: str
    value: str
    like: Site | None = None
    like_argument: str | None = None
    outside: bool = False
    common: int = 0
    unread: bool = False

    def in_words(self, argument: str | None = None, value: str | None = None) -> str:
        """`stride=2 on downsample.0`; in the words of an edit, `stride=stride on downsample.0`."""
        return f"{argument or self.argument}={value or self.value} on {self.site.name}"


@dataclass(frozen=True)
class Projection:
    """A projection for the shortcut of a failing addition.

    `operand` is the operand that is the shortcut, 0 or 1; `axes` is the number of spatial axes, 0 for linear layers.
    `branch` are the layers of the residual branch with weights, in order; `norm` is the last normalization among them.
    `conditional` is whether the addition works in other instances of the block, which must not change.
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
    """The base class of fix plans; `title` describes the fix.

    `changes_results` is whether the fix changes the output or the parameter names of a model that runs. `otherwise` is
    the next best plan, if this one cannot be written or verified. `inputs` are the input shapes at which the failure
    occurs, if the target works at its own.
    """

    title: str
    _: KW_ONLY
    changes_results: bool = False
    otherwise: FixPlan | None = None
    inputs: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class ProjectShortcut(Plan):
    """Add a projection to the shortcut of a failing addition."""

    projection: Projection


@dataclass(frozen=True)
class ChangeArguments(Plan):
    """Construct layers with other arguments. The title names each change, with the expressions of the edit."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class ResizeToSkip(Plan):
    """Resize one operand of an addition or concatenation to the size of the other; `operand` is 0 for the first."""

    operand: int


@dataclass(frozen=True)
class NarrowFlag(Plan):
    """Restrict `self.<flag>`, which guards the addition, to shapes that need no projection."""

    flag: str
    projection: Projection


@dataclass(frozen=True)
class NarrowTest(Plan):
    """Restrict a test in `forward`, such as `if self.stride == 1:`, to shapes that need no projection."""

    test: Span
    projection: Projection


@dataclass(frozen=True)
class UseShortcut(Plan):
    """Pass an operand of the addition (0 for the first) through the existing module `self.<module>`."""

    module: str
    operand: int
    addition: Span


@dataclass(frozen=True)
class MakeOutOfPlace(Plan):
    """Create a new tensor instead of modifying one in place: by an argument of a layer, or by editing an expression."""

    modified_by: Change | Span


@dataclass(frozen=True)
class RegisterModules(Plan):
    """Replace the list, tuple or dict `self.<attribute>` by a container that registers its modules."""

    attribute: str


@dataclass(frozen=True)
class UseResult(Plan):
    """Assign the discarded result to a variable, or pass the variable to the call that ignores it."""


@dataclass(frozen=True)
class PassUnread(Plan):
    """Pass a result that nothing reads, one of `names`, to the failing expression, in place of another variable."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class KeepBatch(Plan):
    """Flatten all dimensions but the batch, in a call that drops the batch or hard-codes its size."""


@dataclass(frozen=True)
class RearrangeOperand(Plan):
    """Append `suffix`, such as `[:, None]` or `.transpose(1, 2)`, to an operand; `operand` is 0 for the first."""

    operand: int
    suffix: str


@dataclass(frozen=True)
class CropOperand(Plan):
    """Cut an operand (0 for the first) to the size of the other: `margins` from both ends of each spatial axis.

    Without margins, the end of the last axis.
    """

    operand: int
    margins: tuple[int, ...]


@dataclass(frozen=True)
class PadShortcut(Plan):
    """Correct a shortcut without weights: the channels that `F.pad(x[:, :, ::2, ::2], ...)` at a span adds, its stride.

    `projection` describes what the shortcut has to do; its stride is 1 if the shortcut has that of the branch.
    """

    pad: Span
    projection: Projection


@dataclass(frozen=True)
class SliceTable(Plan):
    """Turn the index at `position` of a subscript into the end of a slice."""

    position: int


@dataclass(frozen=True)
class PermuteBeforeView(Plan):
    """Apply `permutation`, such as `.transpose(1, 2)`, to the tensor before a view, which becomes a reshape."""

    permutation: str


@dataclass(frozen=True)
class FlattenInput(Plan):
    """Flatten all dimensions from `start` on before a linear layer: all but the batch, or the heads of an attention.

    `at_call`: in the failing expression, whose argument is the input of the layer; else before the layer, in the
    container that holds it.
    """

    layer: Site
    at_call: bool
    start: int = 1


@dataclass(frozen=True)
class SwapWidths(Plan):
    """Swap the input and output width of a layer, where it is constructed or where a helper is called for it."""

    layer: Site


@dataclass(frozen=True)
class ReplaceLayer(Plan):
    """Replace a layer of a model from a library after the call that constructs it: `model.conv1 = nn.Conv2d(1, ...)`.

    `layer` is the path of the layer in the model, `sort` the class of torch, `arguments` those of its constructor.
    """

    model: Span
    layer: str
    sort: str
    arguments: str


@dataclass(frozen=True)
class Hint(Plan):
    """Advice for the user, without edits."""


FixPlan = (
    ProjectShortcut
    | ChangeArguments
    | ResizeToSkip
    | NarrowFlag
    | NarrowTest
    | UseShortcut
    | MakeOutOfPlace
    | RegisterModules
    | UseResult
    | PassUnread
    | KeepBatch
    | RearrangeOperand
    | CropOperand
    | PadShortcut
    | SliceTable
    | PermuteBeforeView
    | FlattenInput
    | SwapWidths
    | ReplaceLayer
    | Hint
)
"""Any fix plan. The module of the same name in `front/fix/` writes its edits."""
