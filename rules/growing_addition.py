"""RL201: an accidental broadcast in place of a skip connection."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from resnet_lint.rule import (
    Addition,
    Analysis,
    Case,
    Finding,
    Node,
    Rule,
    Shape,
    Traits,
    fork_of,
    name_of,
    path_between,
)


class GrowingAddition(Rule):
    """What it does: finds an addition of two activations with a common source where neither has the shape of the
    result, and a shortcut that a 1x1 convolution projects to a single channel beside a branch with more.

    Dimensions of size 1 that are added on purpose (`unsqueeze`, `[:, None]`, `view`, `keepdim=True`), as for an outer
    sum, are not reported, and neither are additions with a single broadcast operand, such as gates, biases and position
    embeddings.

    Why is this bad: `(N,) + (N, 1)` gives `(N, N)`: each sample is added to every other one. No error is raised,
    the loss broadcasts too, and the model learns an average. A projection to one channel fits every branch, so a wrong
    number of channels goes unnoticed.

    Example:
        last = x[:, -1]                   # (N,)
        return last + self.net(x)         # + (N, 1) gives (N, N)

    Use instead:
        last = x[:, -1:]                  # (N, 1)
        return last + self.net(x)
    """

    code = "RL201"
    name = "growing-addition"
    severity = "warning"
    traits = Traits(silent=True)
    bad = (
        Case(
            "a column and a vector",
            """
            class Forecast(nn.Module):
                def __init__(self, window=24):
                    super().__init__()
                    self.net = nn.Sequential(nn.Linear(window, 32), nn.ReLU(), nn.Linear(32, 1))
                def forward(self, x):
                    last = x[:, -1]
                    return last + self.net(x)  # <- RL201
            if __name__ == "__main__":
                Forecast()(torch.randn(32, 24))
        """,
        ),
        Case(
            "concatenated along the batch instead of the channels",
            """
            class Stem(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(1, 4, 3, padding=1)
                def forward(self, x):
                    copies = torch.cat([x, x, x, x], 0)
                    return torch.relu(torch.add(self.conv(x), copies))  # <- RL201
            if __name__ == "__main__":
                Stem()(torch.randn(1, 1, 16, 16))
        """,
        ),
        Case(
            "a projection to one channel",
            """
            class Block(nn.Module):
                def __init__(self, width=8, out=16):
                    super().__init__()
                    self.conv = nn.Conv2d(width, out, 3, padding=1)
                    self.shortcut = nn.Conv2d(width, 1, 1)
                def forward(self, x):
                    return self.conv(x) + self.shortcut(x)  # <- RL201
        """,
        ),
    )
    good = (
        Case(
            "a spatial map that is not a shortcut",
            """
            class Spatial(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.map = nn.Conv2d(width, 1, 1)
                    self.depth = nn.Conv2d(1, 1, 1)
                def forward(self, x):
                    x = self.conv(x) * torch.sigmoid(self.map(x))
                    return x + self.depth(x.mean(1, keepdim=True))
        """,
        ),
        Case(
            "an outer sum on purpose",
            """
            class Attention(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.key, self.query = nn.Linear(8, 1), nn.Linear(8, 1)
                def forward(self, nodes):
                    return torch.softmax(self.query(nodes) + self.key(nodes).T, dim=1)
            if __name__ == "__main__":
                Attention()(torch.randn(20, 8))
        """,
        ),
        Case(
            "pooled along both axes, with a layer for each",
            """
            class Strips(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.rows = nn.Conv2d(width, width, (3, 1), padding=(1, 0))
                    self.columns = nn.Sequential(nn.AdaptiveAvgPool2d((1, None)), nn.Conv2d(width, width, 1))
                def forward(self, x):
                    rows = self.rows(x.mean(dim=3, keepdim=True))
                    return x * torch.sigmoid(rows + self.columns(x))
        """,
        ),
        Case(
            "a global context per channel",
            """
            class Context(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(8, 8, 1)
                def forward(self, x):
                    return x + self.conv(x.mean((2, 3), keepdim=True))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        additions = [addition for model in analysis.models for addition in model.additions]
        for addition in additions:
            if _both_grow(addition):
                first, second = addition.left.known_shape, addition.right.known_shape
                message = (
                    f"both operands are broadcast: {first} + {second} gives {addition.node.known_shape}, so every "
                    "value of one is added to every value of the other"
                )
                yield self.at(addition.where, message, advice="give both operands the same shape first")
        for addition in additions:
            for shortcut, branch in addition.both_ways:
                layer = _flat_shortcut(addition, shortcut, branch)
                if layer is not None:
                    channels = branch.known_shape[1]
                    message = (
                        f"the shortcut ({name_of(layer, addition.block)}) has 1 channel, {shortcut.known_shape}, but "
                        f"the residual branch has {channels}, {branch.known_shape}: the same map is added to all "
                        "channels"
                    )
                    yield self.at(addition.where, message, advice=f"project the shortcut to {channels} channels")


def _both_grow(addition: Addition) -> bool:
    """Whether both operands are broadcast, and neither was given its size-1 dimension on purpose."""
    left, right = addition.operands
    if addition.node.shape in (left.shape, right.shape) or fork_of(left, right) is None:
        return False
    broadcast = (side for side in (left, right) if 1 in side.known_shape)
    return all(_is_by_accident(_origin_of_single_sizes(side)) for side in broadcast)


def _origin_of_single_sizes(node: Node) -> Node:
    """The call that gave a tensor its number of dimensions, and its dimensions of size 1."""

    def outline(tensor: Node) -> list[bool]:
        return [size == 1 for size in tensor.shape or ()]

    while (source := next((s for s in node.sources if outline(s) == outline(node)), None)) is not None:
        node = source
    return node


def _is_by_accident(node: Node) -> bool:
    """Whether a size of 1 is that of an input or a layer, or what a slice leaves; other calls make it on purpose."""
    if node.function == "getitem":
        index = node.arguments["index"]
        return None not in (index if isinstance(index, tuple) else (index,))
    return node.learned or node.kind in ("input", "concatenation")


def _flat_shortcut(addition: Addition, shortcut: Node, branch: Node) -> Node | None:
    """The 1x1 convolution of a shortcut to a single channel, which is added to every channel of the branch."""
    fork = fork_of(branch, shortcut) if _is_flat_beside(shortcut.shape, branch.shape) else None
    layer = _one_channel_projection(path_between(fork, shortcut)) if fork is not None else None
    return layer if layer is not None and addition.block.made(branch) else None


def _is_flat_beside(flat: Shape | None, full: Shape | None) -> bool:
    """Whether two maps have equal sizes, with one channel in the first and several in the second."""
    if flat is None or full is None or len(flat) != len(full) or len(full) < 3:
        return False
    return flat[1] == 1 < full[1] and flat[2:] == full[2:] and math.prod(full[2:]) > 1


def _one_channel_projection(path: Sequence[Node]) -> Node | None:
    """The one layer of a shortcut, where that is a 1x1 convolution of several channels to one."""
    layers = [(node, effect) for node in path if (effect := node.effect) is not None and effect.learned]
    if len(layers) != 1 or layers[0][1].channels is None or layers[0][1].sort != "convolution":
        return None
    node, effect = layers[0]
    channels_in, channels_out = effect.channels or (0, 0)
    return node if channels_in > channels_out == 1 and math.prod(effect.kernel) == 1 else None
