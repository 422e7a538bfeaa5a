"""Finds blocks that subtract, multiply or divide where a residual addition is meant.

Each of these can be right: a network may predict what is to be taken away, a gate scales. So the shapes alone are not
enough: the names have to speak of a skip connection, and nothing in the branch may speak of a gate.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import fx

from resnet_lint.graph.joins import behind_plain_calls, is_addition, made_by_layers, operands_of
from resnet_lint.graph.model import Seen, function_name, name_of, words_in
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.residuals import fork_of
from resnet_lint.graph.source_places import Point
from resnet_lint.graph.syntax import names_bound_by, names_read_by, node_at, statement_at
from resnet_lint.shared.observed import Operator, OtherOperator

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

_SAVED_WORDS = frozenset({"skip", "shortcut", "identity"})
_SKIP_WORDS = _SAVED_WORDS | {"res", "resid", "residual"}
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
        point: Point = node.meta["point"]
        branch = _branch(pair, owner, saved=bool(_words_read(point) & _SAVED_WORDS))
        if branch is not None and not _is_gate(branch) and _speaks_of_a_skip(owner, point) and not _is_rest(point):
            place = seen.place(point.span, owner)
            yield OtherOperator(**place, operator=operator, branch=name_of(branch, owner))


def _branch(pair: tuple[fx.Node, fx.Node], owner: ModuleCall, saved: bool) -> fx.Node | None:
    """The operand that the block's layers make of the other one: of its input, or of what was saved for a shortcut."""
    left, right = pair
    if left.meta["shape"] != right.meta["shape"]:
        return None
    for identity, branch in ((left, right), (right, left)):
        # `x + a * (branch - x)` has its skip connection.
        added = any(is_addition(user) for user in identity.users)
        source = identity in owner.inputs or (saved and fork_of(left, right) is identity)
        if source and branch is not identity and not added and made_by_layers(branch, owner):
            return branch
    return None


def _is_gate(branch: fx.Node) -> bool:
    return function_name(behind_plain_calls(branch)) in _GATES


def _speaks_of_a_skip(owner: ModuleCall, point: Point) -> bool:
    own, variables = words_in(type(owner.module).__name__), _words_read(point)
    if (own | variables) & _GATE_WORDS:
        return False
    return bool(own & _BLOCK_WORDS or variables & _SKIP_WORDS)


def _words_read(point: Point) -> frozenset[str]:
    """The words of the variables that an operation reads."""
    return frozenset(word for name in names_read_by(node_at(point)) for word in words_in(name))


def _is_rest(point: Point) -> bool:
    """Whether `residual = residual - x` takes away what is explained, as residual quantisation does step by step."""
    statement = statement_at(point)
    rebound = names_bound_by(statement) & names_read_by(node_at(point)) if statement is not None else frozenset()
    return any(words_in(name) & _SKIP_WORDS for name in rebound)
