"""RL211: an operation that only works because two different axes have the same size."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import (
    Analysis,
    Case,
    Coincidence,
    ExchangedSides,
    Finding,
    Misplaced,
    Model,
    Rule,
    Traits,
    blamed_permutation,
    coincidences_in,
    exchanged_sides,
    misplaced_axes,
    rearranged,
    with_new_classes,
    words_for,
)


class CoincidentAxes(Rule):
    """What it does: traces the model again with one size of its inputs changed at a time, and finds an operation that
    fails because it combines two different axes, such as the batch and the time steps, or the channels and the width.

    Sizes that have to agree by design are not reported: the same axis of two inputs, the sides of a square image or
    matrix, the features of a layer, and the length of a table of positions. A permutation is reported if it exchanges
    axes of one size, such as the height and width, and a later operation combines them with those of another operand.

    Why is this bad: no error is raised at these sizes, but every value is combined with one that it has nothing to do
    with. `(N, T, C) + (N, C)` works if `N == T`, and adds the context of one sample to a time step of all others.

    Example:
        h = self.conv(x)                          # (N, C, H, W)
        return h + self.fc(t)                     # + (N, C), where C == W and N == H

    Use instead:
        h = self.conv(x)
        return h + self.fc(t)[:, :, None, None]   # + (N, C, 1, 1)

    Fix safety: Unsafe: the results change. It is offered where one arrangement of an operand's axes has all of them
    combined with their own kind.
    """

    code = "RL211"
    name = "coincident-axes"
    severity = "warning"
    fixable = True
    traits = Traits(family="samples", rank=3, silent=True)
    bad = (
        Case(
            "a vector per sample beside time steps",
            """
            class Decoder(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.fc, self.context = nn.Linear(8, width), nn.Linear(8, width)
                def forward(self, x, context):
                    x = self.fc(x)
                    return x + self.context(context)  # <- RL211
            if __name__ == "__main__":
                Decoder()(torch.randn(4, 4, 8), torch.randn(4, 8))
        """,
        ),
        Case(
            "a time embedding without its two last axes",
            """
            class Block(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.conv, self.time = nn.Conv2d(3, width, 3, padding=1), nn.Linear(32, width)
                def forward(self, x, t):
                    h = self.conv(x)
                    return h + self.time(t)  # <- RL211
            if __name__ == "__main__":
                Block()(torch.randn(1, 3, 16, 16), torch.randn(1, 32))
        """,
        ),
        Case(
            "tokens and features exchanged",
            """
            class Block(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm, self.conv = nn.LayerNorm(width), nn.Conv1d(width, width, 3, padding=1)
                def forward(self, x):
                    out = self.conv(self.norm(x).transpose(1, 2))
                    return x + out  # <- RL211
            if __name__ == "__main__":
                Block()(torch.randn(2, 16, 16))
        """,
        ),
        Case(
            "points that are not transposed before a product, where no input is given",
            """
            class Aligned(nn.Module):
                def __init__(self, width=64):
                    super().__init__()
                    self.points, self.fc = nn.Conv1d(3, width, 1), nn.Linear(width, width * width)
                def forward(self, x):
                    x = self.points(x)
                    b, c, _ = x.shape
                    return torch.bmm(x, self.fc(x.amax(2)).view(b, c, c))  # <- RL211
        """,
        ),
        Case(
            "values whose heads come after the positions",
            """
            class Attention(nn.Module):
                def __init__(self, width=32, heads=4):
                    super().__init__()
                    self.heads, self.qkv = heads, nn.Linear(width, 3 * width)
                def forward(self, x):
                    n, t, c = x.shape
                    q, k, v = self.qkv(x).view(n, t, 3, self.heads, c // self.heads).unbind(2)
                    weights = (q.transpose(1, 2) @ k.permute(0, 2, 3, 1)).softmax(-1)
                    return (weights @ v).transpose(1, 2).flatten(2)  # <- RL211
            if __name__ == "__main__":
                Attention()(torch.randn(2, 4, 32))
        """,
        ),
        Case(
            "the height and width of square images exchanged, beside a shortcut",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    out = self.fc(self.conv(x).permute(0, 3, 2, 1))  # <- RL211
                    return x + out.permute(0, 3, 1, 2)
            if __name__ == "__main__":
                nn.Sequential(Block(), Block())(torch.randn(2, 8, 16, 16))
        """,
        ),
        Case(
            "the height and width exchanged in tokens, where a table fixes the size",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.stem, self.conv = nn.Conv2d(3, width, 4, stride=4), nn.Conv2d(width, width, 3, padding=1)
                    self.table = nn.Parameter(torch.zeros(1, 64, width))
                def forward(self, x):
                    x = self.stem(x).flatten(2).transpose(1, 2) + self.table
                    out = x.reshape(len(x), 8, 8, -1).permute(0, 3, 2, 1)  # <- RL211
                    return x + self.conv(out).flatten(2).transpose(1, 2)
            if __name__ == "__main__":
                Net()(torch.randn(2, 3, 32, 32))
        """,
        ),
        Case(
            "windows that are put together in another order",
            """
            class Windows(nn.Module):
                def __init__(self, width=16, side=4):
                    super().__init__()
                    self.side, self.fc = side, nn.Linear(width, width)
                def forward(self, x):
                    parts = x.view(-1, 4, self.side, 4, self.side, 16).permute(0, 1, 3, 2, 4, 5)
                    parts = self.fc(parts.reshape(-1, self.side**2, 16)).view(-1, 4, 4, self.side, self.side, 16)
                    return x + parts.permute(0, 1, 3, 4, 2, 5).reshape(x.shape)  # <- RL211
            if __name__ == "__main__":
                Windows()(torch.randn(2, 16, 16, 16))
        """,
        ),
    )
    good = (
        Case(
            "tokens that are gathered in an empty tensor",
            """
            class Gather(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(8, 8)
                def forward(self, x):
                    done = torch.empty(0)
                    for part in x.unbind(1):
                        done = torch.cat([done, self.fc(part)[:, None]], dim=1)
                    return self.fc(done)
            if __name__ == "__main__":
                Gather()(torch.randn(2, 5, 8))
        """,
        ),
        Case(
            "the axis is added",
            """
            class Decoder(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.fc, self.context = nn.Linear(8, width), nn.Linear(8, width)
                def forward(self, x, context):
                    return self.fc(x) + self.context(context).unsqueeze(1)
            if __name__ == "__main__":
                Decoder()(torch.randn(4, 4, 8), torch.randn(4, 8))
        """,
        ),
        Case(
            "layers for a number of tokens, and a square matrix",
            """
            class Mixer(nn.Module):
                def __init__(self, width=16, tokens=16):
                    super().__init__()
                    self.tokens, self.features = nn.Linear(tokens, tokens), nn.Linear(width, width)
                def forward(self, x):
                    x = x + self.tokens(x.transpose(1, 2)).transpose(1, 2)
                    return x + self.features(x)
            class Synthesizer(nn.Module):
                def __init__(self, width=32, tokens=16):
                    super().__init__()
                    self.weights, self.values = nn.Linear(width, tokens), nn.Linear(width, width)
                def forward(self, x):
                    return x + self.weights(x).softmax(-1) @ self.values(x)
            class Graph(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                def forward(self, nodes, neighbours):
                    return nodes + neighbours @ self.fc(nodes)
            if __name__ == "__main__":
                Mixer()(torch.randn(2, 16, 16))
                Synthesizer()(torch.randn(2, 16, 32))
                Graph()(torch.randn(8, 8), torch.randn(8, 8))
        """,
        ),
        Case(
            "a weight times a mask that comes from outside",
            """
            class MaskLinear(nn.Module):
                def __init__(self, width=6, out=12):
                    super().__init__()
                    self.weight = nn.Parameter(torch.zeros(width, out))
                def forward(self, x, mask):
                    return torch.mm(x, torch.mul(self.weight, mask))
            if __name__ == "__main__":
                MaskLinear()(torch.randn(6, 6), torch.ones(6, 12))
        """,
        ),
        Case(
            "the height and width in their order, and an image that is added to its transpose",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    out = self.fc(self.conv(x).permute(0, 2, 3, 1))
                    x = x + out.permute(0, 3, 1, 2)
                    return x + self.conv(x).transpose(2, 3)
            class Rows(Block):
                def forward(self, x):
                    out = self.fc(self.conv(x).permute(0, 3, 2, 1))
                    return x + out.permute(0, 3, 2, 1)
            if __name__ == "__main__":
                nn.Sequential(Block(), Rows())(torch.randn(2, 8, 16, 16))
        """,
        ),
        Case(
            "windows, axial attention and a shuffle that are undone; sides that are exchanged on purpose",
            """
            class Windows(nn.Module):
                def __init__(self, width=16, side=4):
                    super().__init__()
                    self.side, self.fc = side, nn.Linear(width, width)
                def forward(self, x):
                    (n, h, w, c), rows, columns = x.shape, x.shape[1] // self.side, x.shape[2] // self.side
                    parts = x.view(n, rows, self.side, columns, self.side, c).permute(0, 1, 3, 2, 4, 5)
                    parts = self.fc(parts.reshape(-1, self.side**2, c)).view(n, rows, columns, self.side, self.side, c)
                    x = x + parts.permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
                    x = x + self.fc(x.transpose(1, 2).reshape(n * w, h, c)).view(n, w, h, c).transpose(1, 2)
                    parts = x.view(n, self.side, rows, self.side, columns, c).permute(0, 2, 1, 4, 3, 5)
                    parts = self.fc(parts.reshape(n, h, w, c)).view(n, rows, self.side, columns, self.side, c)
                    x = x + parts.permute(0, 2, 1, 4, 3, 5).reshape(n, h, w, c)
                    return x + x.transpose(1, 2)
            if __name__ == "__main__":
                Windows()(torch.randn(2, 16, 16, 16))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        failing = {failure.span for failure in analysis.failures}
        for model in with_new_classes(analysis.models):
            coincidences = list(coincidences_in(model))
            for found in coincidences:
                node = found.moved_by.node if found.moved_by is not None else found.node
                where = model.where_of(node) if node.point is not None else None
                is_trusted = model.sizes_tell_axes_apart if model.sizes_stated else found.is_in_product
                if is_trusted and where is not None and where.span not in failing:
                    wrong = blamed_permutation(found.node, model) if found.may_be_permuted else None
                    if wrong is not None:
                        yield self._misplaced(Misplaced(wrong.node, wrong.order, found.node), model)
                    else:
                        yield self.at(where, _message(found, model), advice=_ADVICE, fix_plan=rearranged(found))
            yield from self._moved_axes(model, is_explained=bool(coincidences))

    def _moved_axes(self, model: Model, is_explained: bool) -> Iterator[Finding]:
        turned = [(part, found) for part in model.with_inner if (found := exchanged_sides(part)) is not None]
        for part, sides in turned:
            yield self.at(part.where_of(sides.node), _turned(sides), advice="keep the order of the sides")
        is_explained |= bool(turned) or not model.sizes_tell_axes_apart
        moved = misplaced_axes(model) if not is_explained else None
        if moved is not None:
            yield self._misplaced(moved, model)

    def _misplaced(self, found: Misplaced, model: Model) -> Finding:
        return self.at(model.where_of(found.node), _moved(found), advice=found.advice)


_ADVICE = "transpose or unsqueeze one operand, so that the same axes are combined"


def _message(found: Coincidence, model: Model) -> str:
    (one, other), (size, other_size) = words_for(found, model), found.met
    both = f"both {size} here" if size == other_size else f"{size} and {other_size} here"
    if found.moved_by is not None:
        line = found.node.known_point.span.start.line
        return (
            f"this moves {one} from axis 0 to axis {found.moved_by.dim}, so line {line} combines it with {other}, a "
            f"different axis ({both}); with {found.failing} for {one}, it fails: {found.error}"
        )
    return (
        f"this combines {one} with {other}, a different axis ({both}); with {found.failing} for {one}, it fails: "
        f"{found.error}"
    )


def _moved(found: Misplaced) -> str:
    return (
        f"this puts the axes of {found.node.inputs[0]} in an order in which line "
        f"{found.join.known_point.span.start.line} combines different ones of the same size"
    )


def _turned(found: ExchangedSides) -> str:
    return (
        f"this exchanges the height and width, so line {found.join.known_point.span.start.line} combines "
        f"{found.changed.text} with {found.kept.text} (both {found.changed.size} here); with {found.size} for "
        f"{found.changed.text}, it fails: {found.error}"
    )
