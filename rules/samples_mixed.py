"""RL306: a call that mixes the samples of a batch."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import (
    Analysis,
    Case,
    Crossing,
    DroppedAxis,
    Finding,
    Model,
    Rule,
    Traits,
    behind_plain_calls,
    blamed_permutation,
    dropped_axes,
    with_new_classes,
)


class SamplesMixed(Rule):
    """What it does: tracks the samples of a batch through the forward pass in eval mode, and finds the call at which
    the result for one sample starts to depend on another one: a softmax or attention along the batch, a `view` that
    puts parts of several samples into one row, a concatenation along the batch, an index `x[:, 0]` after which the
    batch is combined with the channels of another slice of `x`.

    Reductions of the batch, such as the mean of a batch, and values for pairs of samples, as contrastive losses
    compute them, are not reported; neither are models whose output has no batch.

    Why is this bad: no error is raised, and the loss decreases. But the result for a sample depends on the other
    samples in its batch, so it changes with the batch size, or for a single sample.

    Example:
        return torch.softmax(self.fc(x), dim=0)

    Use instead:
        return torch.softmax(self.fc(x), dim=1)
    """

    code = "RL306"
    name = "samples-mixed"
    severity = "warning"
    traits = Traits(family="samples", rank=2, silent=True)
    bad = (
        Case(
            "a softmax along the batch",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, padding=1)
                    self.fc = nn.Linear(width, 10)
                def forward(self, x):
                    x = self.fc(self.conv(x).mean((2, 3)))
                    return torch.softmax(x, dim=0)  # <- RL306
            if __name__ == "__main__":
                Net()(torch.randn(1, 3, 16, 16))
        """,
        ),
        Case(
            "attention along the batch, written by hand",
            """
            class Attention(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, padding=1)
                    self.qkv = nn.Linear(width, 3 * width)
                def forward(self, x):
                    x = self.conv(x).flatten(2).permute(2, 0, 1)
                    q, k, v = self.qkv(x).chunk(3, -1)
                    scores = torch.softmax(q @ k.transpose(1, 2), -1)
                    out = scores @ v  # <- RL306
                    return out.permute(1, 2, 0)
            if __name__ == "__main__":
                Attention()(torch.randn(2, 3, 6, 7))
        """,
        ),
        Case(
            "a convolution that slides along the batch",
            """
            class Tagger(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.rnn = nn.GRU(6, width, batch_first=True)
                    self.conv = nn.Conv1d(width, width, 3, padding=1)
                def forward(self, x):
                    x, _ = self.rnn(x)
                    x = self.conv(x.permute(1, 2, 0))  # <- RL306
                    return x.permute(2, 0, 1)
            if __name__ == "__main__":
                Tagger()(torch.randn(4, 9, 6))
        """,
        ),
        Case(
            "a recurrent layer that takes the sequence first, and the last result along its batch",
            """
            class Classifier(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.embed, self.rnn = nn.Embedding(100, 6), nn.LSTM(6, width)
                    self.fc = nn.Linear(width, 2)
                def forward(self, text):
                    out, _ = self.rnn(self.embed(text))  # <- RL306
                    return self.fc(out[:, -1])
            if __name__ == "__main__":
                Classifier()(torch.randint(0, 100, (4, 9)))
        """,
        ),
        Case(
            "recurrent layers without batch_first, where the file names the batch or passes a single sample",
            """
            class Named(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.rnn, self.fc = nn.GRU(width, width), nn.Linear(width, 2)
                def forward(self, x):
                    b, t, _ = x.shape
                    x, _ = self.rnn(x)  # <- RL306
                    return self.fc(x.reshape(b * t, -1)).view(b, t, -1)
            class Single(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.rnn, self.fc = nn.GRU(width, width), nn.Linear(width, 2)
                def forward(self, x):
                    return self.fc(self.rnn(x)[0])  # <- RL306
            class Second(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.first, self.second = nn.GRU(width, width, batch_first=True), nn.GRU(width, width)
                def forward(self, x):
                    x, _ = self.first(x)
                    return self.second(x)[0]  # <- RL306
            if __name__ == "__main__":
                Named()(torch.randn(4, 9, 8)), Single()(torch.randn(1, 9, 8)), Second()(torch.randn(4, 9, 8))
        """,
        ),
        Case(
            "an index in place of a slice, beside slices",
            """
            class Opponent(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(1, width, 3, padding=1)
                def forward(self, x):
                    blue = x[:, 2:3] - 0.5 * (x[:, 0] + x[:, 1:2])  # <- RL306
                    return self.conv(blue)
            class Filled(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(4, width, 3, padding=1)
                def forward(self, x):
                    image = x[:, 2]  # <- RL306
                    mask = x[:, 3:]
                    return self.conv(x) + image * mask
            if __name__ == "__main__":
                Opponent()(torch.randn(1, 3, 16, 16)), Filled()(torch.randn(1, 4, 16, 16))
        """,
        ),
    )
    good = (
        Case(
            "the nearest neighbours of each point, in clouds that are laid end to end",
            """
            class Edges(nn.Module):
                def __init__(self, width=8, k=20):
                    super().__init__()
                    self.k = k
                    self.conv = nn.Conv2d(2 * width, width, 1)
                def forward(self, x):
                    batch, width, points = x.shape
                    squares = (x**2).sum(1, keepdim=True)
                    nearest = 2 * torch.matmul(x.transpose(2, 1), x) - squares - squares.transpose(2, 1)
                    index = nearest.topk(self.k, dim=-1)[1] + torch.arange(batch).view(-1, 1, 1) * points
                    rows = x.transpose(1, 2).reshape(batch * points, width)
                    around = rows[index.view(-1), :].view(batch, points, self.k, width).permute(0, 3, 1, 2)
                    centers = x[..., None].expand_as(around)
                    return self.conv(torch.cat((around - centers, centers), 1)).amax(-1)
            if __name__ == "__main__":
                nn.Sequential(Edges(), Edges())(torch.rand(4, 8, 64))
        """,
        ),
        Case(
            "the statistics of a batch, and a value for each pair of samples",
            """
            class Critic(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, padding=1)
                    self.last = nn.Conv2d(width + 1, 1, 3, padding=1)
                def forward(self, x):
                    x = self.conv(x)
                    spread = x.std(0).mean().expand(x.size(0), 1, *x.shape[2:])
                    return self.last(torch.cat([x - x.mean(0), spread], 1))
            class Contrast(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, padding=1)
                def forward(self, x):
                    z = self.conv(x).mean((2, 3))
                    return z, torch.log_softmax(z @ z.T / 0.1, -1)
            if __name__ == "__main__":
                Critic()(torch.randn(4, 3, 6, 7)), Contrast()(torch.randn(4, 3, 6, 7))
        """,
        ),
        Case(
            "sequences that come first, and the steps of one episode",
            """
            class Encoder(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.attention = nn.MultiheadAttention(width, 2)
                def forward(self, x):
                    return x + self.attention(x, x, x)[0]
            class Classifier(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.rnn, self.fc = nn.GRU(6, width), nn.Linear(width, 2)
                def forward(self, x):
                    return self.fc(self.rnn(x)[0][-1])
            class Agent(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc, self.rnn = nn.Linear(6, width), nn.LSTM(width, width, batch_first=True)
                def forward(self, steps):
                    x = torch.relu(self.fc(steps))
                    return self.rnn(x.unsqueeze(0))[0].squeeze(0)
            if __name__ == "__main__":
                Encoder()(torch.randn(9, 4, 8)), Classifier()(torch.randn(9, 4, 6)), Agent()(torch.randn(20, 6))
        """,
        ),
        Case(
            "sequences that come first, by their names; a step of a decoder with its state",
            """
            class Named(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.rnn, self.fc = nn.GRU(width, width), nn.Linear(width, 2)
                def forward(self, x):
                    t, b, _ = x.shape
                    x, _ = self.rnn(x)
                    return self.fc(x.reshape(t * b, -1)).view(t, b, -1)
            class Step(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.rnn, self.fc = nn.GRU(width, width), nn.Linear(width, 2)
                def forward(self, x, state):
                    x, state = self.rnn(x, state)
                    return self.fc(x), state
            if __name__ == "__main__":
                Named()(torch.randn(9, 4, 8)), Step()(torch.randn(1, 4, 8), torch.randn(1, 4, 8))
        """,
        ),
        Case(
            "an entry of a row per sample beside others; pairs of samples; an entry with its axis",
            """
            class Pairs(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, padding=1)
                def forward(self, x):
                    x = self.conv(x).flatten(2).transpose(1, 2)
                    first, second = x[:, 0], x[:, 1]
                    near = (first[:, None] - second).norm(dim=-1).amin(1)
                    return x - x[:, 0][:, None], x[..., 0] * x[..., 1], near
            if __name__ == "__main__":
                Pairs()(torch.randn(1, 3, 6, 7))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        failing = {failure.span for failure in analysis.failures}
        for model in with_new_classes(analysis.models):
            crossing = _first(model)
            if crossing is not None and model.where_of(crossing.node).span not in failing:
                wrong = blamed_permutation(crossing.node, model) if crossing.way == "folded" else None
                if wrong is not None:
                    yield self.at(model.where_of(wrong.node), _misplaced(crossing), advice=wrong.advice)
                else:
                    yield self.at(model.where_of(crossing.node), _message(crossing), advice=_advice(crossing))
            for entry in {found.node: found for found in dropped_axes(model)}.values():
                yield self.at(model.where_of(entry.node), _dropped(entry), advice="keep the axis, with a slice")


def _first(model: Model) -> Crossing | None:
    """The first call at which samples meet on the way to the output."""
    crossings = model.samples.crossings if model.samples is not None else ()
    return next((found for found in crossings if found.node.point is not None and not _is_rollout(found)), None)


def _is_rollout(crossing: Crossing) -> bool:
    """Whether a recurrent layer gets rows as the steps of a single sequence: `self.lstm(x.unsqueeze(0))`, batch first.

    Those of an agent are the steps of an episode.
    """
    node = crossing.node
    added = behind_plain_calls(node.operands[0]) if node.function in _SEQUENCE_FIRST[1:] else None
    is_made = added is not None and added.kind != "part" and added.function in ("unsqueeze", "getitem")
    return added is not None and is_made and len(added.inputs[0]) == 2 and added.known_shape[0] == 1


def _message(crossing: Crossing) -> str:
    if crossing.way == "folded":
        row = "this puts values of several samples into one row"
        if crossing.reader is None or crossing.reader.point is None:
            return f"{row}, so the results of a sample depend on the others in its batch"
        line = crossing.reader.known_point.span.start.line
        return f"{row}, and line {line} computes with it: the results of a sample depend on the others in its batch"
    return (
        f"{crossing.node.function}() combines values along the batch (dim {crossing.axis}), so the result for a sample "
        "depends on the others in its batch"
    )


def _misplaced(crossing: Crossing) -> str:
    line = crossing.node.known_point.span.start.line
    return f"this puts the axes in an order in which line {line} puts values of several samples into one row"


def _dropped(found: DroppedAxis) -> str:
    line = found.join.known_point.span.start.line
    return (
        f"this index drops axis {found.dim} of {found.node.inputs[0]}, so line {line} combines the batch with this "
        f"axis of {found.other.shape}: with a batch of two, each sample gets the values of both"
    )


# The functions of layers that expect the sequence first, and the batch second, by default.
_SEQUENCE_FIRST = ("multi_head_attention_forward", "lstm", "gru", "rnn_tanh", "rnn_relu")


def _advice(crossing: Crossing) -> str:
    if crossing.way == "folded":
        return "keep the batch as an axis of its own: flatten(1), or transpose the axes before the view"
    if crossing.node.function in _SEQUENCE_FIRST:
        return "construct it with batch_first=True, or pass it (sequence, batch, features)"
    return f"combine along another dim than {crossing.axis}"
