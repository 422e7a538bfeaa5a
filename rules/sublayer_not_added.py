"""RL212: a transformer block that adds one of its two parts to its input, and not the other."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from resnet_lint.rule import Analysis, Call, Case, Finding, Model, Node, Point, Rule, Traits, is_a, words_in


class SublayerNotAdded(Rule):
    """What it does: finds a transformer block that adds the result of its attention to the input, but not that of its
    feed-forward part, or the other way round; also where the two are multiplied or subtracted.

    It is reported only if the part preserves the shape, has a normalization before or after it, adds nothing itself,
    and the caller does not add the input of the block either.

    Why is this bad: a transformer block has two skip connections (Vaswani et al. 2017). Without one of them no error is
    raised, but activations and gradients can only go through the layers of that part, not around it.

    Example:
        x = x + self.attn(self.norm1(x))
        x = self.mlp(self.norm2(x))

    Use instead:
        x = x + self.attn(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
    """

    code = "RL212"
    name = "sublayer-not-added"
    severity = "warning"
    traits = Traits(family="operator", rank=1, silent=True)
    bad = (
        Case(
            "the feed-forward part",
            """
            import torch
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
                    self.attn = nn.MultiheadAttention(width, 2, batch_first=True)
                    self.mlp = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))
                def forward(self, x):
                    y = self.norm1(x)
                    x = x + self.attn(y, y, y)[0]
                    x = self.mlp(self.norm2(x))  # <- RL212
                    return x
            if __name__ == "__main__":
                Block()(torch.randn(2, 5, 16))
        """,
        ),
        Case(
            "the attention",
            """
            import torch
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
                    self.attn = nn.MultiheadAttention(width, 2, batch_first=True)
                    self.linear1, self.linear2 = nn.Linear(width, 32), nn.Linear(32, width)
                def forward(self, x):
                    x = self.norm1(self.attn(x, x, x)[0])  # <- RL212
                    x = self.norm2(x + self.linear2(torch.relu(self.linear1(x))))
                    return x
            if __name__ == "__main__":
                Block()(torch.randn(2, 5, 16))
        """,
        ),
        Case(
            "multiplied",
            """
            import torch
            from torch import nn
            class Layer(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
                    self.attn = nn.MultiheadAttention(width, 2, batch_first=True)
                    self.mlp = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))
                def forward(self, x):
                    y = self.norm1(x)
                    x = x + self.attn(y, y, y)[0]
                    x = x * self.mlp(self.norm2(x))  # <- RL212
                    return x
            if __name__ == "__main__":
                Layer()(torch.randn(2, 5, 16))
        """,
        ),
    )
    good = (
        Case(
            "both are added, before and after the normalization",
            """
            import torch
            from torch import nn
            class Before(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
                    self.attn = nn.MultiheadAttention(width, 2, batch_first=True)
                    self.mlp = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))
                def forward(self, x):
                    y = self.norm1(x)
                    x = x + self.attn(y, y, y)[0]
                    return x + self.mlp(self.norm2(x))
            class After(Before):
                def forward(self, x):
                    x = self.norm1(x + self.attn(x, x, x)[0])
                    return self.norm2(x + self.mlp(x))
            if __name__ == "__main__":
                Before()(torch.randn(2, 5, 16)), After()(torch.randn(2, 5, 16))
        """,
        ),
        Case(
            "an attention that adds within itself, and a caller that adds",
            """
            import torch
            from torch import nn
            class Attention(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.attn = nn.MultiheadAttention(width, 2, batch_first=True)
                def forward(self, x):
                    return x + self.attn(x, x, x)[0]
            class Block(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
                    self.attn = Attention(width)
                    self.mlp = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))
                def forward(self, x):
                    x = self.attn(self.norm1(x))
                    return x + self.mlp(self.norm2(x))
            class Branch(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
                    self.attn = nn.MultiheadAttention(width, 2, batch_first=True)
                    self.mlp = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))
                def forward(self, x):
                    y = self.norm1(x)
                    x = x + self.attn(y, y, y)[0]
                    return self.mlp(self.norm2(x))
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.block, self.branch = Block(), Branch()
                def forward(self, x):
                    x = self.block(x)
                    return x + self.branch(x)
            if __name__ == "__main__":
                Net()(torch.randn(2, 5, 16))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for part, added, operator in _not_added(model):
                if operator is None:
                    message = (
                        f"{part.name} is not added to its input, as {added.name} is in this block: "
                        "the skip connection is missing"
                    )
                    yield self.at(
                        model.where(_last_of(part).span, part.block),
                        message,
                        advice="add the input of this part to its result",
                    )
                else:
                    message = (
                        f"{part.name} and its input are combined with `{_OPERATORS[operator.function]}`; a skip "
                        f"connection adds them, as this block does for {added.name}"
                    )
                    yield self.at(model.where_of(operator), message, advice="use + instead")


Sort = Literal["attention", "feed-forward"]


@dataclass(frozen=True, eq=False)
class _Part:
    """One of the two parts of a transformer block: from `starts`, its inputs, to `end`, its result of the same shape.

    `call` is the last module call of the part. `streams` are the inputs before their normalization.
    """

    sort: Sort
    block: Call
    call: Call
    starts: frozenset[Node]
    end: Node
    streams: frozenset[Node]

    @property
    def name(self) -> str:
        return self.call.relative_path(self.block)


_ATTENTION = frozenset({"attn", "attention", "mha", "msa", "mixer"})
_FEED_FORWARD = frozenset({"mlp", "ffn", "ff", "feed", "feedforward"})
_LINEAR = frozenset({"fc", "linear", "lin", "dense", "conv"})
_TRANSPOSES = frozenset({"transpose", "permute", "swapaxes"})
_NORM = frozenset({"norm", "ln", "bn", "layernorm"})
_ADDITIONS = frozenset({"add", "iadd", "radd"})
_OPERATORS = {"mul": "*", "imul": "*", "sub": "-", "isub": "-", "rsub": "-"}


def _not_added(model: Model) -> Iterator[tuple[_Part, _Part, Node | None]]:
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
                operator = _joined(part, _OPERATORS)
                if operator is not None or _goes_on_alone(part, added):
                    reported.add(type(block.module))
                    yield part, other, operator


def _is_added_by_caller(block: Call, model: Model) -> bool:
    """Whether a skip connection of a caller leads around a block."""
    around = (residual.addition for residual in model.residuals if residual.fork in block.inputs[:1])
    return any(block not in addition.known_call.with_callers() for addition in around)


def _parts(block: Call, model: Model) -> list[_Part]:
    """The attentions and feed-forward parts that a block calls itself."""
    own = [call for call in model.calls if call.parent is block and call.caller is not None]
    linear = [call for call in own if _is_pointwise(call) and _words(call) & _LINEAR]
    spans: list[tuple[Sort, Call, Call]] = []
    for call in own:
        if _words(call) & _ATTENTION:
            spans.append(("attention", call, call))
        elif _words(call) & _FEED_FORWARD:
            spans.append(("feed-forward", call, call))
    if len(linear) == 2:
        spans.append(("feed-forward", linear[0], linear[1]))
    return [part for sort, first, last in spans if (part := _part(sort, block, first, last, model)) is not None]


def _is_pointwise(call: Call) -> bool:
    """Whether a call is of a linear layer, or of a convolution along a sequence that serves as one."""
    is_convolution = is_a(call.module, "Conv1d") and call.module.kernel_size == (1,)
    return is_a(call.module, "Linear") or is_convolution


def _part(sort: Sort, block: Call, first: Call, last: Call, model: Model) -> _Part | None:
    """The part from the inputs of one call to the result of another; None where the shapes differ.

    Keys may have positions added to them, so every input of an attention may be what is added.
    """
    results = model.results.get(last, ())
    if not first.inputs or not results or first.inputs[0].shape != results[0].shape:
        return None
    given = [start for start in first.inputs if start.shape == results[0].shape]
    starts = frozenset((*given, *(start.sources[0] for start in given if start.function in _TRANSPOSES)))
    return _Part(
        sort, block, last, starts, results[0], frozenset(_before_norm(start, block, model) for start in starts)
    )


def _words(call: Call) -> frozenset[str]:
    return words_in(call.path.rpartition(".")[2]) | words_in(type(call.module).__name__)


def _before_norm(node: Node, block: Call, model: Model) -> Node:
    """The input of the normalization in the block that computed a tensor, otherwise the tensor itself."""
    for call in model.calls:
        if call.parent is block and _words(call) & _NORM and call.inputs and model.results.get(call) == (node,):
            return call.inputs[0]
    return node


def _ends(part: _Part) -> Sequence[Node]:
    """The result of a part, and the tensors of the block that depend on it alone: scaled, dropped out, normalized."""
    found = [part.end]
    for node in found:  # grows as it is followed
        found += [user for user in node.users if _is_in(part.block, user) and _is_same_alone(node, user)]
    return found


def _is_same_alone(node: Node, user: Node) -> bool:
    """Whether a call keeps the shape of its only activation, or transposes it."""
    is_plain = user.shape == node.shape or user.function in _TRANSPOSES
    return len(user.activations) == 1 and is_plain and not user.learned


def _is_in(block: Call, node: Node) -> bool:
    return node.call is not None and block in node.call.with_callers()


def _last_of(part: _Part) -> Point:
    """The expression after which the result goes on: that of a dropout behind the last layer, if there is one."""
    dropped = [node for node in _ends(part) if node.function == "dropout" and node.point is not None]
    own = [node.known_point for node in dropped if node.known_point.code is part.call.known_caller.code]
    return own[-1] if own else part.call.known_caller


def _joined(part: _Part, functions: Container[str]) -> Node | None:
    """The operation of some functions that joins a part with its input."""
    for node in _ends(part):
        for user in node.users:
            if user.function in functions and (part.streams | part.starts) & set(user.sources) - {node}:
                return user
    return None


def _adds(part: _Part, model: Model) -> bool:
    """Whether something is added inside a part: its own skip connection, or another path."""
    return any(part.call in addition.block.with_callers() for addition in model.additions)


def _is_skipped(part: _Part, model: Model) -> bool:
    """Whether a skip connection of the block leads around a part and what follows it: `x + self.mix(...)`."""
    around = (residual for residual in model.residuals if _is_in(part.block, residual.addition))
    return any(part.end in residual.branch_path for residual in around)


def _goes_on_alone(part: _Part, added: Sequence[_Part]) -> bool:
    """Whether only the result of a part leaves it, with a normalization before or after it.

    A part that follows it may add that result, as its own input.
    """
    ends = _ends(part)
    next_ones = {_joined(other, _ADDITIONS) for other in added if not other.streams.isdisjoint(ends)}
    users = [user for node in ends for user in node.users if _is_in(part.block, user)]
    joins = [user for user in users if len(user.sources) > 1 and user not in next_ones]
    apart = not any(user.kind in ("addition", "concatenation") or user.function in _OPERATORS for user in joins)
    normalized = part.streams != part.starts or any(node.kind in ("last norm", "channel norm") for node in ends)
    forgotten = all(user.order < part.end.order for stream in part.streams for user in stream.users)
    return normalized and apart and forgotten
