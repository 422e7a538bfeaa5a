"""The two parts of a transformer block, and those that are not added to their input."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..shared.vocabulary import words_in
from .model import Model
from .module_call import ModuleCall, is_a
from .node import Node
from .source_places import Point

Sort = Literal["attention", "feed-forward"]


@dataclass(frozen=True, eq=False)
class Part:
    """One of the two parts of a transformer block: from `starts`, its inputs, to `end`, its result of the same shape.

    `call` is the last module call of the part. `streams` are the inputs before their normalization.
    """

    sort: Sort
    block: ModuleCall
    call: ModuleCall
    starts: frozenset[Node]
    end: Node
    streams: frozenset[Node]

    @property
    def name(self) -> str:
        return self.call.relative_path(self.block)


_ATTENTION = frozenset({"attn", "attention", "mha", "msa", "mixer", "token", "tokens"})
_FEED_FORWARD = frozenset({"mlp", "ffn", "ff", "feed", "feedforward"})
_LINEAR = frozenset({"fc", "linear", "lin", "dense", "conv"})
_MOVES = frozenset({"transpose", "permute", "swapaxes", "view", "reshape", "flatten", "contiguous", "roll", "pad"})
_NORM = frozenset({"norm", "ln", "bn", "layernorm"})
_ADDITIONS = frozenset({"add", "iadd", "radd"})
JOINING_OPERATORS = {"mul": "*", "imul": "*", "sub": "-", "isub": "-", "rsub": "-"}


def sublayers_not_added(model: Model) -> Iterator[tuple[Part, Part, Node | None]]:
    """Parts that are not added to their input, each with one of the same block that is, and the other operator."""
    reported: set[type] = set()
    for block in model.users_calls:
        parts = _parts(block, model) if type(block.module) not in reported else []
        if len({part.sort for part in parts}) < 2 or _is_added_by_caller(block, model):
            continue
        added = [part for part in parts if _joined(part, _ADDITIONS) is not None]
        for part in parts:
            other = next((candidate for candidate in added if candidate.sort != part.sort), None)
            if other is not None and part not in added and not _adds(part, model) and not _is_skipped(part, model):
                operator = _joined(part, JOINING_OPERATORS)
                if operator is not None or _goes_on_alone(part, added):
                    reported.add(type(block.module))
                    yield part, other, operator


def _is_added_by_caller(block: ModuleCall, model: Model) -> bool:
    """Whether a skip connection of a caller leads around a block."""
    around = (residual.addition for residual in model.residuals if residual.fork in block.inputs[:1])
    return any(block not in addition.known_call.with_callers() for addition in around)


def _parts(block: ModuleCall, model: Model) -> list[Part]:
    """The attentions and feed-forward parts that a block calls itself."""
    own = [call for call in model.calls if call.parent is block and call.caller is not None]
    linear = [call for call in own if _is_pointwise(call) and _words(call) & _LINEAR]
    spans: list[tuple[Sort, ModuleCall, ModuleCall]] = []
    for call in own:
        if _words(call) & _ATTENTION:
            spans.append(("attention", call, call))
        elif _words(call) & _FEED_FORWARD:
            spans.append(("feed-forward", call, call))
    if len(linear) == 2:
        spans.append(("feed-forward", linear[0], linear[1]))
    return [part for sort, first, last in spans if (part := _part(sort, block, first, last, model)) is not None]


def _is_pointwise(call: ModuleCall) -> bool:
    """Whether a call is of a linear layer, or of a convolution along a sequence that serves as one."""
    is_convolution = is_a(call.module, "Conv1d") and call.module.kernel_size == (1,)
    return is_a(call.module, "Linear") or is_convolution


def _part(sort: Sort, block: ModuleCall, first: ModuleCall, last: ModuleCall, model: Model) -> Part | None:
    """The part from the inputs of one call to the result of another; None where the shapes differ.

    Keys may have positions added to them, so every input of an attention may be what is added.
    """
    results = model.results.get(last, ())
    if not first.inputs or not results or first.inputs[0].shape != results[0].shape:
        return None
    given = [start for start in first.inputs if start.shape == results[0].shape]
    starts = frozenset(moved for start in given for moved in _before_moves(start, block))
    return Part(sort, block, last, starts, results[0], frozenset(_before_norm(start, block, model) for start in starts))


def _before_moves(node: Node, block: ModuleCall) -> Iterator[Node]:
    """A tensor, and those of the block from which it is only rearranged, such as an image before its windows."""
    yield node
    while node.function in _MOVES and len(node.activations) == 1 and _is_in(block, node):
        node = node.activations[0]
        yield node


def _words(call: ModuleCall) -> frozenset[str]:
    return words_in(call.path.rpartition(".")[2]) | words_in(type(call.module).__name__)


def _before_norm(node: Node, block: ModuleCall, model: Model) -> Node:
    """The input of the normalization in the block that computed a tensor, otherwise the tensor itself."""
    for call in model.calls:
        if call.parent is block and _words(call) & _NORM and call.inputs and model.results.get(call) == (node,):
            return call.inputs[0]
    return node


def _ends(part: Part) -> Sequence[Node]:
    """The result of a part, and the tensors of the block that depend on it alone: scaled, dropped out, normalized."""
    found = [part.end]
    for node in found:  # grows as it is followed
        found += [user for user in node.users if _is_in(part.block, user) and _is_same_alone(node, user)]
    return found


def _is_same_alone(node: Node, user: Node) -> bool:
    """Whether a call keeps the shape of its only activation, or rearranges it."""
    is_plain = user.shape == node.shape or user.function in _MOVES
    return len(user.activations) == 1 and is_plain and not user.learned


def _is_in(block: ModuleCall, node: Node) -> bool:
    return node.call is not None and block in node.call.with_callers()


def last_of(part: Part, model: Model) -> Point:
    """The expression after which the result goes on: that of a dropout behind the last layer, if there is one.

    If a method of the block calls the part, it is the first module in the forward that the result passes.
    """
    ends = _ends(part)
    if part.call.known_caller.code is not part.block.code:
        passed = [call for call in model.calls if call.parent is part.block and not set(ends).isdisjoint(call.inputs)]
        outer = [call.known_caller for call in passed if call.caller and call.known_caller.code is part.block.code]
        return outer[0] if outer else part.call.known_caller
    dropped = [node for node in ends if node.function == "dropout" and node.point is not None]
    own = [node.known_point for node in dropped if node.known_point.code is part.block.code]
    return own[-1] if own else part.call.known_caller


def _joined(part: Part, functions: Container[str]) -> Node | None:
    """The operation of some functions that joins a part with its input."""
    for node in _ends(part):
        for user in node.users:
            if user.function in functions and (part.streams | part.starts) & set(user.sources) - {node}:
                return user
    return None


def _adds(part: Part, model: Model) -> bool:
    """Whether something is added inside a part: its own skip connection, or another path."""
    return any(part.call in addition.block.with_callers() for addition in model.additions)


def _is_skipped(part: Part, model: Model) -> bool:
    """Whether a skip connection of the block leads around a part and what follows it: `x + self.mix(...)`."""
    around = (residual for residual in model.residuals if _is_in(part.block, residual.addition))
    return any(part.end in residual.branch_path for residual in around)


def _goes_on_alone(part: Part, added: Sequence[Part]) -> bool:
    """Whether only the result of a part leaves it, with a normalization before or after it.

    A part that follows it may add that result, as its own input.
    """
    ends = _ends(part)
    next_ones = {_joined(other, _ADDITIONS) for other in added if not other.streams.isdisjoint(ends)}
    users = [user for node in ends for user in node.users if _is_in(part.block, user)]
    joins = [user for user in users if len(user.activations) > 1 and user not in next_ones]
    apart = not any(user.kind in ("addition", "concatenation") or user.function in JOINING_OPERATORS for user in joins)
    normalized = part.streams != part.starts or any(node.kind in ("last norm", "channel norm") for node in ends)
    forgotten = all(user.order < part.end.order for stream in part.streams for user in stream.users)
    return normalized and apart and forgotten
