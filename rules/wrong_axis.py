"""RL305: a positional encoding, view or attention along the wrong axis."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import (
    Analysis,
    Axes,
    Case,
    Finding,
    Model,
    Node,
    Reordered,
    Rule,
    Traits,
    attention_over_batch,
    blamed_permutation,
    depends_on,
    exchanges_sizes,
    mixed_views,
    moved_features,
    one_rows,
    permuted_first,
    reordered,
    rows_per_sample,
    with_new_classes,
    wrong_permutation,
    wrong_softmaxes,
)


class WrongAxis(Rule):
    """What it does: finds operations that confuse axes, whatever their sizes: a positional encoding with one value per
    sample, or with one value for all positions because a size is used as an index where a slice is meant; a `view` or
    `reshape` whose sizes are in another order than the axes in memory, where a transpose is needed; attention weights
    that are normalized over the queries; and attention that expects the sequence first but gets the batch first.

    Which axis is which follows from traces of the model with one size of its inputs changed at a time, and from the
    layers; if it is ambiguous, nothing is reported.

    Why is this bad: the shapes match, so no error is raised. `x.view(n, -1, channels)` keeps the order of the values in
    memory, so each of its rows mixes positions and channels; with the batch in place of the sequence, samples attend
    to each other, or all positions of a sample get the same encoding.

    Example:
        x = self.conv(x)                              # (batch, channels, height, width)
        x = self.fc(x.reshape(n, -1, channels))

    Use instead:
        x = self.conv(x)
        x = self.fc(x.flatten(2).transpose(1, 2))     # (batch, positions, channels)

    Fix safety: Unsafe: the results change.
    """

    code = "RL305"
    name = "wrong-axis"
    severity = "warning"
    fixable = True
    traits = Traits(family="samples", rank=1)
    bad = (
        Case(
            "a (sequence, batch) table with batch-first input, and a batch-first table with (sequence, batch) input",
            """
            class First(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.register_buffer("table", torch.zeros(100, 1, width))
                    self.encoder = nn.TransformerEncoderLayer(width, 2, batch_first=True)
                def forward(self, x):
                    x = x + self.table[: x.size(0)]  # <- RL305
                    return self.encoder(x)
            class Second(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.table = nn.Parameter(torch.zeros(1, 100, width))
                    self.qkv = nn.Linear(width, 3 * width)
                def forward(self, x):
                    x = x + self.table[:, : x.size(1)]  # <- RL305
                    q, k, v = self.qkv(x).transpose(0, 1).chunk(3, -1)
                    return (q @ k.transpose(1, 2)).softmax(-1) @ v
            if __name__ == "__main__":
                First()(torch.randn(4, 10, 16)), Second()(torch.randn(10, 4, 16))
        """,
        ),
        Case(
            "a reshape instead of a transpose, and a view back to an image",
            """
            class Tokens(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.patches = nn.Conv2d(3, width, 4, stride=4)
                    self.norm, self.fc = nn.LayerNorm(width), nn.Linear(width, width)
                def forward(self, x):
                    x = self.patches(x)
                    x = x.reshape(x.size(0), -1, x.size(1))  # <- RL305
                    return self.fc(self.norm(x))
            class Prompted(Tokens):
                def forward(self, x, prompt):
                    x = self.patches(x).flatten(2)
                    x = x.reshape(len(x), 80, 24)  # <- RL305
                    return self.fc(torch.cat([x, prompt], dim=1))
            class Back(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.fc, self.conv = nn.Linear(width, width), nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    out = torch.relu(self.fc(x)).view(-1, 24, 7, 5)  # <- RL305
                    return self.conv(out)
            class Same(Back):
                def forward(self, x, image):
                    return image + self.conv(self.fc(x).reshape_as(image))  # <- RL305
            if __name__ == "__main__":
                Tokens()(torch.randn(2, 3, 32, 40)), Prompted()(torch.randn(2, 3, 32, 40), torch.randn(2, 9, 24))
                Back()(torch.randn(2, 35, 24)), Same()(torch.randn(2, 35, 24), torch.randn(2, 24, 7, 5))
        """,
        ),
        Case(
            "a permutation with the channels in another place than the next line needs",
            """
            class Embedded(nn.Module):
                def __init__(self, width=6):
                    super().__init__()
                    self.embed, self.conv = nn.Embedding(10, width), nn.Conv2d(3 * width, width, 3, padding=1)
                def forward(self, x):
                    n, c, h, w = x.shape
                    x = self.embed(x).permute(0, 1, 3, 2, 4)  # <- RL305
                    return self.conv(x.reshape(n, -1, h, w))
            if __name__ == "__main__":
                Embedded()(torch.randint(0, 10, (2, 3, 16, 20)))
        """,
        ),
        Case(
            "batch-first patches, attention without batch_first, and the other way round",
            """
            class Vision(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.patches = nn.Conv2d(3, width, 4, stride=4)
                    self.attention = nn.MultiheadAttention(width, 2)
                    self.second = nn.MultiheadAttention(width, 2, batch_first=True)
                def forward(self, x):
                    x = self.patches(x).flatten(2).transpose(1, 2)
                    x = (x + self.attention(x, x, x)[0]).transpose(0, 1)  # <- RL305
                    return x + self.second(x, x, x)[0]  # <- RL305
            if __name__ == "__main__":
                Vision()(torch.randn(2, 3, 32, 40))
        """,
        ),
        Case(
            "weights that are normalized over the queries",
            """
            class Attention(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.qkv = nn.Linear(width, 3 * width)
                def forward(self, x):
                    q, k, v = self.qkv(x).chunk(3, -1)
                    weights = (q @ k.transpose(1, 2)).softmax(1)  # <- RL305
                    return weights @ v
            if __name__ == "__main__":
                Attention()(torch.randn(2, 9, 16))
        """,
        ),
    )
    good = (
        Case(
            "functions of distances, whose rank no layer tells",
            """
            class Basis(nn.Module):
                def __init__(self, n=2, k=3):
                    super().__init__()
                    self.n, self.k = n, k
                def forward(self, dist, angle):
                    rbf = torch.stack([torch.sin(i * dist) for i in range(self.n * self.k)], dim=1)
                    sbf = torch.stack([torch.cos(i * angle) for i in range(self.n)], dim=1)
                    return (rbf.view(-1, self.n, self.k) * sbf.view(-1, self.n, 1)).view(-1, self.n * self.k)
        """,
        ),
        Case(
            "a transpose, attention heads, and a channel shuffle",
            """
            class Net(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.patches = nn.Conv2d(3, width, 4, stride=4)
                    self.fc = nn.Linear(width, width)
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    x = self.patches(x)
                    n, c, h, w = x.shape
                    x = x.view(n, 4, c // 4, h, w).transpose(1, 2).reshape(n, c, h, w)
                    x = self.fc(x.flatten(2).transpose(1, 2).reshape(n, h * w, c))
                    x = self.conv(x.transpose(1, 2).reshape(n, c, h, w))
                    return self.fc(x.permute(0, 2, 3, 1).reshape(n, -1, c))
            class Square(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.norm, self.conv = nn.LayerNorm(width), nn.Conv2d(width, 8, 3)
                def forward(self, x):
                    x = self.norm(x)
                    return self.conv(x.reshape(len(x), 16, 16, -1).permute(0, 3, 1, 2))
            if __name__ == "__main__":
                Net()(torch.randn(2, 3, 32, 40))
                Square()(torch.randn(2, 256, 16))
        """,
        ),
        Case(
            "sequence-first attention, attention along both axes of a table, and an encoding for every layout",
            """
            class Vision(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.patches = nn.Conv2d(3, width, 4, stride=4)
                    self.attention = nn.MultiheadAttention(width, 2)
                def forward(self, x):
                    x = self.patches(x).flatten(2).permute(2, 0, 1)
                    return x + self.attention(x, x, x)[0]
            class Sentence(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.attention = nn.MultiheadAttention(width, 2)
                def forward(self, x):
                    return x + self.attention(x, x, x)[0]
            class Table(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.columns, self.rows = (nn.MultiheadAttention(width, 3, batch_first=True) for _ in range(2))
                def forward(self, x):
                    x = self.columns(x, x, x)[0].transpose(0, 1)
                    return self.rows(x, x, x)[0].transpose(0, 1)
            class Layouts(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.register_buffer("table", torch.zeros(100, 1, width))
                    self.encoder = nn.TransformerEncoderLayer(width, 2)
                    self.second = nn.TransformerEncoderLayer(width, 2, batch_first=True)
                def forward(self, x):
                    x = self.encoder(x + self.table[: x.size(0)]).transpose(0, 1)
                    return self.second(x + self.table[: x.size(1)].transpose(0, 1))
            if __name__ == "__main__":
                Vision()(torch.randn(2, 3, 32, 40)), Sentence()(torch.randn(2, 10, 24))
                Table()(torch.randn(4, 5, 24)), Layouts()(torch.randn(10, 4, 16))
        """,
        ),
        Case(
            "efficient attention, which normalizes the keys over the sequence",
            """
            class Attention(nn.Module):
                def __init__(self, width=16):
                    super().__init__()
                    self.qkv = nn.Linear(width, 3 * width)
                def forward(self, x):
                    q, k, v = self.qkv(x).chunk(3, -1)
                    weights = (k @ q.transpose(1, 2)).softmax(1)
                    x = weights.transpose(1, 2) @ v
                    return q.softmax(-1) @ (k.softmax(1).transpose(1, 2) @ x)
            if __name__ == "__main__":
                Attention()(torch.randn(2, 9, 16))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for node, maker, before, taker, after in moved_features(model):
                message = (
                    f"{maker} has its features on axis {before} of {node.sources[0].shape}, but {taker} reads them "
                    f"from axis {after} of {node.shape}: this reorders the sizes, not the values"
                )
                advice = "transpose or permute the axes before the view"
                yield self.at(model.where_of(node), message, advice=advice)
        for model in with_new_classes(analysis.models):
            for part in model.with_inner:
                if part.axes is not None and part.sizes_tell_axes_apart:
                    yield from self._tables(part, part.axes)
                    yield from self._views(part)
                    yield from self._softmaxes(part, part.axes)
            yield from self._attention(model)

    def _attention(self, model: Model) -> Iterator[Finding]:
        for call in attention_over_batch(model):
            point = call.known_caller
            block = model.caller_at(call, point)
            axis, advice = "first", "construct it with batch_first=True, or pass it (sequence, batch, features)"
            if getattr(call.module, "batch_first", False):
                axis, advice = "second", "pass it (batch, sequence, features), as it has batch_first=True"
            message = (
                f"{call.relative_path(block)} treats the {axis} axis of {call.inputs[0].shape} as the sequence, but it "
                "is the batch: samples attend to each other"
            )
            yield self.at(model.where(point.span, block), message, advice=advice)

    def _softmaxes(self, model: Model, axes: Axes) -> Iterator[Finding]:
        for found in wrong_softmaxes(model.nodes, axes):
            advice = f"use dim={-1 if found.is_over_last else found.summed}"
            yield self.at(model.where_of(found.node), found.text, advice=advice)

    def _tables(self, model: Model, axes: Axes) -> Iterator[Finding]:
        for row in one_rows(model.nodes, axes):
            message = (
                f"the index is the size of {row.axis.text}, so this reads a single row of {row.row.inputs[0]}, and "
                f"line {row.join.known_point.span.start.line} adds it to all positions"
            )
            yield self.at(model.where_of(row.row), message, fix_plan=row.sliced)
        batch = model.sure_batch_axis
        for found in rows_per_sample(model.nodes, axes, batch) if batch is not None else ():
            axis = 1 - found.dim
            message = (
                f"{found.table.shape} is added to {found.tensor.shape}, whose {('first', 'second')[axis]} axis is the "
                "sequence: each sample gets one encoding, the same at every position"
            )
            advice = f"use one encoding per position, along axis {axis}"
            yield self.at(model.where_of(found.join), message, advice=advice)

    def _views(self, model: Model) -> Iterator[Finding]:
        views = [node for node in model.nodes if node.is_view and node.point is not None]
        if not model.ranks_are_told or not any(len(node.shape or ()) > 2 for node in views):
            return
        axes = model.axes_by_side if model.sides_are_free else model.axes
        if axes is None:
            return
        moved: list[Node] = []
        mixed = dict(mixed_views(model))
        for node in views:
            found = reordered(node, axes)
            if found is not None and not any(depends_on(node, earlier) for earlier in moved):
                moved.append(node)
                yield self._moved(model, found, axes)
            elif node in mixed:
                message = f"this moves positions to where line {node.known_point.span.start.line} reads features"
                yield self.at(model.where_of(mixed[node].node), message, advice=mixed[node].advice)
            elif exchanges_sizes(node, axes):
                message = (
                    f"this reads {node.sources[0].shape} as {node.shape}: it exchanges the sizes, but the values keep "
                    "their order in memory"
                )
                yield self.at(model.where_of(node), message, advice="transpose or permute the axes instead")

    def _moved(self, model: Model, found: Reordered, axes: Axes) -> Finding:
        wrong = blamed_permutation(found.node, model) or wrong_permutation(found, axes)
        if wrong is None:
            message = f"{found.text}, in another order in memory: this reorders the sizes, not the values"
            advice = "transpose or permute the axes before the view"
            return self.at(model.where_of(found.node), message, advice=advice, fix_plan=permuted_first(found, axes))
        line = found.node.known_point.span.start.line
        message = f"this puts the axes in another order than the view in line {line} reads them: {found.text}"
        return self.at(model.where_of(wrong.node), message, advice=wrong.advice)
