"""Finds blocks that subtract, multiply or divide where a residual addition is meant.

Each of these can be right: a network may predict what is to be taken away, a gate scales. So the shapes alone are not
enough: the names have to speak of a skip connection, and nothing in the branch may speak of a gate.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import fx

from ..observed import Operator, OtherOperator
from .calls import ModuleCall
from .joins import behind_plain_calls, is_addition, made_by_layers, operands_of
from .place import Point
from .seen import Seen, function_name, name_of, words_in
from .syntax import names_read_by, node_at

_OPERATORS: dict[str, Operator] = {
    "sub": "-",
    "isub": "-",
    "rsub": "-",
    "mul": "*",
    "imul": "*",
    "div": "/",
    "truediv": "/",
    "itruediv": "/",
}

_SKIP_WORDS = frozenset({"res", "resid", "residual", "skip", "shortcut", "identity"})
_BLOCK_WORDS = _SKIP_WORDS | {"block", "bottleneck"}
_GATE_WORDS = frozenset(
    {"attn", "attention", "gate", "gated", "gating", "glu", "se", "squeeze", "excite", "excitation", "cbam", "eca"}
    | {"modulation", "mod", "lka", "scale", "context", "mask", "weight", "weights", "norm", "gdn", "denoise", "noise"}
)
_GATES = frozenset(
    {"sigmoid", "softmax", "tanh", "hardsigmoid", "exp", "softplus", "sqrt", "rsqrt", "norm", "abs", "clamp", "pow"}
    | {"softsign", "log_softmax", "logsigmoid", "normalize", "cos", "sin", "mul", "div", "mean", "sum", "interpolate"}
)


def wrong_operators(seen: Seen) -> Iterator[OtherOperator]:
    """Blocks whose input meets its own residual branch, at full shape, in something other than an addition."""
    for node in seen.trace.graph.nodes:
        operator = _OPERATORS.get(function_name(node))
        pair = operands_of(node) if operator is not None and node.meta["point"] is not None else None
        if operator is None or pair is None:
            continue
        owner = seen.owner(node)
        branch = _branch(pair, owner)
        if branch is not None and not _is_gate(branch) and _speaks_of_a_skip(owner, node.meta["point"]):
            place = seen.place(node.meta["point"].span, owner)
            yield OtherOperator(**place, operator=operator, branch=name_of(branch, owner))


def _branch(pair: tuple[fx.Node, fx.Node], owner: ModuleCall) -> fx.Node | None:
    """The operand that the block's layers make of the other one, its input."""
    left, right = pair
    if left.meta["shape"] != right.meta["shape"]:
        return None
    for identity, branch in ((left, right), (right, left)):
        # `x + a * (branch - x)` has its skip connection.
        added = any(is_addition(user) for user in identity.users)
        if identity in owner.inputs and branch is not identity and not added and made_by_layers(branch, owner):
            return branch
    return None


def _is_gate(branch: fx.Node) -> bool:
    return function_name(behind_plain_calls(branch)) in _GATES


def _speaks_of_a_skip(owner: ModuleCall, point: Point) -> bool:
    own = words_in(type(owner.module).__name__)
    variables = {word for name in names_read_by(node_at(point)) for word in words_in(name)}
    if (own | variables) & _GATE_WORDS:
        return False
    return bool(own & _BLOCK_WORDS or variables & _SKIP_WORDS)
