"""RL310: an output whose height and width are exchanged."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule, Traits, turned_output, with_new_classes


class ImageTurned(Rule):
    """What it does: finds a permutation that moves the channels of a square image and exchanges its height and width,
    if nothing exchanges them back: the output has both, in another order than the input. Which axis is which follows
    from traces with one size of the input changed at a time.

    Permutations that exchange the sides and nothing else, such as `x.transpose(2, 3)`, are not reported.

    Why is this bad: no error is raised as long as images are square. The output is transposed, so each pixel is
    compared with the target of another one; with other images, its shape is wrong.

    Example:
        return self.out(x.permute(0, 3, 2, 1))    # (N, C, H, W) -> (N, W, H, C)

    Use instead:
        return self.out(x.permute(0, 2, 3, 1))    # (N, C, H, W) -> (N, H, W, C)
    """

    code = "RL310"
    name = "image-turned"
    severity = "warning"
    traits = Traits(silent=True)
    bad = (
        Case(
            "a field whose sides are exchanged in the output",
            """
            class Operator(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.lift, self.conv = nn.Linear(3, width), nn.Conv2d(width, width, 1)
                    self.out = nn.Linear(width, 1)
                def forward(self, x):
                    x = torch.relu(self.conv(self.lift(x).permute(0, 3, 1, 2)))
                    x = x.permute(0, 3, 2, 1)  # <- RL310
                    return self.out(x)
            if __name__ == "__main__":
                Operator()(torch.randn(2, 16, 16, 3))
        """,
        ),
        Case(
            "a layer for the channels in the middle, which are moved back to another place",
            """
            class Restore(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.head, self.tail = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 3, 3, padding=1)
                    self.mix = nn.Linear(width, width)
                def forward(self, x):
                    x = self.mix(self.head(x).permute(0, 2, 3, 1))
                    return self.tail(x.permute(0, 3, 2, 1))  # <- RL310
            if __name__ == "__main__":
                Restore()(torch.randn(2, 3, 16, 16))
        """,
        ),
    )
    good = (
        Case(
            "sides that keep their order, are exchanged twice, or by a transpose; sides of different sizes",
            """
            class Operator(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.lift, self.conv = nn.Linear(3, width), nn.Conv2d(width, width, 1)
                    self.out = nn.Linear(width, 1)
                def forward(self, x):
                    return self.out(self.conv(self.lift(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
            class Twice(Operator):
                def forward(self, x):
                    return self.out(self.conv(self.lift(x).permute(0, 3, 2, 1)).permute(0, 3, 2, 1))
            class Turned(Operator):
                def forward(self, x):
                    return super().forward(x).transpose(1, 2)
            class Series(Operator):
                def forward(self, x):
                    return self.conv(self.lift(x).permute(0, 3, 2, 1))
            if __name__ == "__main__":
                for kind in (Operator, Twice, Turned):
                    kind()(torch.randn(2, 16, 16, 3))
                Series()(torch.randn(2, 12, 20, 3))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in with_new_classes(analysis.models):
            found = turned_output(model) if model.sizes_stated else None
            if found is not None:
                message = (
                    f"this exchanges {found.first.text} and {found.second.text} (both {found.first.size} here), and "
                    f"nothing exchanges them back: the output {found.output.shape} has them in another order"
                )
                yield self.at(model.where_of(found.node), message, advice="keep the order of the sides")
