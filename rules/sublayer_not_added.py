"""RL212: a transformer block that adds one of its parts to its input, and not another."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import (
    JOINING_OPERATORS,
    Analysis,
    Case,
    Finding,
    Rule,
    Traits,
    drop_paths_not_added,
    forgotten_additions,
    last_of,
    span_of,
    sublayers_not_added,
)


class SublayerNotAdded(Rule):
    """What it does: finds a transformer block that adds the result of its attention to the input, but not that of its
    feed-forward part, or the other way round; also where the two are multiplied or subtracted. It is reported only if
    the part preserves the shape, has a normalization before or after it, adds nothing itself, and the caller does not
    add the input of the block either.

    In any block, it finds a drop path (stochastic depth) whose result is not added, if that of another one is; and the
    one statement that adds nothing, where others beside it with the same modules do: among several that all update one
    variable, `z = z + self.mix(z)`, or written with another number, `y2 = self.conv2(x2) + x2`.

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
        Case(
            "the result of a drop path",
            """
            class DropPath(nn.Module):
                def forward(self, x):
                    return x * torch.bernoulli(torch.full((len(x), 1, 1), 0.9)) if self.training else x
            class Block(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
                    self.spatial, self.drop_path = nn.Conv1d(5, 5, 1), DropPath()
                    self.channels = nn.Linear(width, width)
                def forward(self, x):
                    x = x + self.drop_path(self.spatial(self.norm1(x)))
                    return self.drop_path(self.channels(self.norm2(x)))  # <- RL212
            if __name__ == "__main__":
                nn.Sequential(Block(), Block())(torch.randn(2, 5, 16))
        """,
        ),
        Case(
            "one of several that update a variable, and one of two that are written alike",
            """
            class Mix(nn.Module):
                def __init__(self, width=16, out=True):
                    super().__init__()
                    self.fc, self.out = nn.Linear(width, width), out
                def forward(self, x):
                    return self.fc(x).sigmoid() * (x if self.out else x.flip(1))
            class Block(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.mix_out, self.mix_in = Mix(width), Mix(width, out=False)
                    self.conv, self.fc = nn.Conv1d(5, 5, 1), nn.Linear(width, width)
                def forward(self, z):
                    z = z + self.mix_out(z)
                    z = self.mix_in(z)  # <- RL212
                    z = z + self.conv(z)
                    z = z + self.fc(z)
                    return z
            class Net(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.fc2, self.fc3 = nn.Linear(width, width), nn.Linear(width, width)
                    self.block, self.mix2, self.mix3 = Block(width), Mix(width), Mix(width)
                def forward(self, x):
                    x2 = self.fc2(self.block(x))
                    y2 = self.mix2(x2)  # <- RL212
                    x3 = self.fc3(y2)
                    y3 = self.mix3(x3) + x3
                    return y3
            if __name__ == "__main__":
                Net()(torch.randn(2, 5, 16))
        """,
        ),
        Case(
            "one of three that are normalized",
            """
            class Layer(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
                    self.drop1, self.drop2, self.drop3 = (nn.Dropout(0.1) for _ in range(3))
                    self.fc1, self.fc2, self.fc3 = (nn.Linear(width, width) for _ in range(3))
                def forward(self, nodes, edges):
                    dh = self.fc1(nodes + edges)
                    nodes = self.norm1(nodes + self.drop1(dh))
                    dh = self.fc2(nodes)
                    nodes = self.norm2(nodes + self.drop2(dh))
                    message = self.fc3(nodes + edges)
                    edges = self.norm3(self.drop3(message))  # <- RL212
                    return nodes, edges
            if __name__ == "__main__":
                Layer()(torch.randn(2, 5, 16), torch.randn(2, 5, 16))
        """,
        ),
    )
    good = (
        Case(
            "both are added, before and after the normalization",
            """
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
        Case(
            "drop paths that a normalization, a layer or the caller follows before the addition",
            """
            class After(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
                    self.spatial, self.channels = nn.Conv1d(5, 5, 1), nn.Linear(width, width)
                    self.last, self.drop_path1, self.drop_path2 = nn.Linear(width, width), nn.Identity(), nn.Identity()
                def forward(self, x):
                    x = x + self.norm1(self.drop_path1(self.spatial(x)))
                    return x + self.last(self.drop_path2(self.channels(self.norm2(x))))
            class Inner(After):
                def forward(self, x):
                    x = x + self.drop_path1(self.spatial(self.norm1(x)))
                    return self.drop_path2(self.channels(self.norm2(x)))
            class Token(After):
                def __init__(self, width=16):
                    super().__init__()
                    self.token = nn.Parameter(torch.zeros(1, 1, width))
                def forward(self, x):
                    token = self.token.expand(len(x), -1, -1)
                    token = token + self.drop_path1(self.channels(self.norm1(x.mean(1, keepdim=True))))
                    token = token + self.drop_path2(self.channels(self.norm2(token)))
                    return torch.cat([token, x], dim=1)
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.after, self.inner, self.token = After(), Inner(), Token()
                def forward(self, x):
                    x = self.after(x)
                    return self.token(x + self.inner(x))
            if __name__ == "__main__":
                Net()(torch.randn(2, 5, 16))
        """,
        ),
        Case(
            "a first and a last layer without an addition, and two ways to go",
            """
            class Mix(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    return self.fc(x).sigmoid() * x
            class Net(nn.Module):
                def __init__(self, width=16, skip=False):
                    super().__init__()
                    self.mix1, self.mix2, self.mix3, self.mix4, self.mix5 = (Mix(width) for _ in range(5))
                    self.skip = skip
                def forward(self, x):
                    x = self.mix1(x)
                    x = x + self.mix2(x)
                    x = x + self.mix3(x)
                    if self.skip:
                        x = x + self.mix4(x)
                    else:
                        x = self.mix4(x)
                    x = self.mix5(x)
                    return x
            class Levels(Net):
                def forward(self, x):
                    x1 = self.mix1(x)
                    x2 = self.mix2(x1) + x1
                    x3 = self.mix3(x2) + x2
                    x4 = self.mix4(x3)
                    return self.mix5(x4)
            if __name__ == "__main__":
                Levels()(Net()(torch.randn(2, 5, 16)))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            blocks: set[type] = set()
            for block, call, sibling in drop_paths_not_added(model):
                name, line = call.relative_path(block), sibling.known_caller.span.start.line
                message = (
                    f"the result of {name} is not added, as that of line {line} is: the skip connection is missing"
                )
                where = model.where(call.known_caller.span, block)
                blocks.add(type(block.module))
                yield self.at(where, message, advice="add the input of this part to its result")
            for part, added, operator in sublayers_not_added(model):
                blocks.add(type(part.block.module))
                if operator is None:
                    message = (
                        f"{part.name} is not added to its input, as {added.name} is in this block: "
                        "the skip connection is missing"
                    )
                    yield self.at(
                        model.where(last_of(part, model).span, part.block),
                        message,
                        advice="add the input of this part to its result",
                    )
                else:
                    message = (
                        f"{part.name} and its input are combined with `{JOINING_OPERATORS[operator.function]}`; a skip "
                        f"connection adds them, as this block does for {added.name}"
                    )
                    yield self.at(model.where_of(operator), message, advice="use + instead")
            for found in forgotten_additions(model):
                if type(found.block.module) not in blocks:
                    message = (
                        f"{found.name} is not added here, as it is in the same computation of line {found.line}: "
                        "the skip connection is missing"
                    )
                    where = model.where(span_of(found.block.known_code.co_filename, found.value), found.block)
                    yield self.at(where, message, advice=f"add {found.name}")
