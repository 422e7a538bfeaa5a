"""RL310: an image whose height and width are exchanged, or whose patches are put together in a wrong order."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import (
    Analysis,
    Case,
    Finding,
    Model,
    Rule,
    Traits,
    mixed_orders,
    other_layouts,
    turned_output,
    turned_sides,
    with_new_classes,
)


class ImageTurned(Rule):
    """What it does: finds a permutation that moves the channels of a square image and exchanges its height and width,
    if nothing exchanges them back: the output has both, in another order than the input, or a convolution reads them in
    another order than an earlier one. And it finds a permutation after which a view puts an image together from patches
    with the rows in another order than the columns. Which axis is which follows from traces with one size of the input
    changed at a time, and from the calls.

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
        Case(
            "the sides exchanged between two convolutions, at a fixed size",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.stem = nn.Conv3d(1, width, 3, padding=1)
                    self.conv = nn.Conv2d(8 * width, width, 3, padding=1)
                    self.fc = nn.Linear(64 * width, 10)
                def forward(self, x):
                    x = self.stem(x)
                    n, c, d, h, w = x.shape
                    x = x.permute(0, 2, 1, 4, 3)  # <- RL310
                    return self.fc(self.conv(x.reshape(n, c * d, h, w)).flatten(1))
            if __name__ == "__main__":
                Net()(torch.randn(2, 1, 8, 8, 8))
        """,
        ),
        Case(
            "an output whose sides are exchanged, where a table fixes the size",
            """
            class Latents(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc, self.table = nn.Linear(width, width), nn.Parameter(torch.zeros(36, width))
                def forward(self, x):
                    n, c, h, w = x.shape
                    x = self.fc(x.flatten(2).transpose(1, 2)) + self.table
                    return x.view(n, h, w, c).permute(0, 3, 2, 1)  # <- RL310
            if __name__ == "__main__":
                Latents()(torch.randn(2, 8, 6, 6))
        """,
        ),
        Case(
            "the scores of a detector, in another order than the boxes; one map in another order than the others",
            """
            import torch.nn.functional as F
            class Heads(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(3, width, 3, padding=1)
                    self.boxes, self.scores = nn.Conv2d(width, 8, 3, padding=1), nn.Conv2d(width, 4, 3, padding=1)
                def forward(self, x):
                    maps = self.conv(x), self.conv(F.avg_pool2d(x, 2))
                    boxes = [self.boxes(x).permute(0, 2, 3, 1).flatten(1) for x in maps]
                    scores = [self.scores(x).permute(0, 3, 2, 1).flatten(1) for x in maps]  # <- RL310
                    return torch.cat(boxes, 1), torch.cat(scores, 1)
            class Pyramid(Heads):
                def forward(self, x):
                    x = self.conv(x)
                    first = self.boxes(x).permute(0, 2, 3, 1).reshape(len(x), -1, 4)
                    second = self.boxes(F.avg_pool2d(x, 2)).permute(0, 2, 1, 3).reshape(len(x), -1, 4)  # <- RL310
                    third = self.boxes(F.avg_pool2d(x, 4)).permute(0, 2, 3, 1).reshape(len(x), -1, 4)
                    return torch.cat([first, second, third], 1)
            if __name__ == "__main__":
                Heads()(torch.randn(2, 3, 16, 16)), Pyramid()(torch.randn(2, 3, 16, 16))
        """,
        ),
        Case(
            "the rows of patches in their order, and the columns not",
            """
            class Decoder(nn.Module):
                def __init__(self, width=24, patch=4):
                    super().__init__()
                    self.patch, self.fc = patch, nn.Linear(width, 3 * patch * patch)
                def forward(self, x):
                    x = self.fc(x).reshape(len(x), 6, 6, 3, self.patch, self.patch)
                    x = x.permute(0, 3, 1, 4, 5, 2)  # <- RL310
                    return x.reshape(len(x), 3, 24, 24)
            class Windows(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    x = self.fc(x.view(len(x), 4, 4, 4, 4, 24).transpose(2, 3)).permute(0, 1, 3, 4, 2, 5)  # <- RL310
                    return x.reshape(len(x), 16, 16, 24)
            if __name__ == "__main__":
                Decoder()(torch.randn(2, 36, 24)), Windows()(torch.randn(2, 16, 16, 24))
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
        Case(
            "patches, a grid and a shuffle in one order for both sides; kernels that tell the sides apart",
            """
            class Decoder(nn.Module):
                def __init__(self, width=24, patch=4):
                    super().__init__()
                    self.patch, self.fc = patch, nn.Linear(width, width)
                def forward(self, x):
                    x = self.fc(x).reshape(len(x), 6, 6, 6, 2, 2)
                    first = x.permute(0, 3, 1, 4, 2, 5).reshape(len(x), 6, 12, 12)
                    return first + x.permute(0, 3, 4, 1, 5, 2).reshape(len(x), 6, 12, 12)
            class Sides(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv, self.rows = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, width, (1, 5))
                    self.again = nn.Conv2d(12, 12, 3)
                def forward(self, x):
                    x = self.rows(self.conv(x).permute(0, 1, 3, 2)).permute(0, 3, 1, 2)
                    return self.again(x)
            class Steps(Sides):
                def forward(self, x):
                    return self.rows(self.conv(x)[:, :, None].permute(0, 2, 1, 4, 3).flatten(0, 1)).sum((2, 3))
            if __name__ == "__main__":
                Decoder()(torch.randn(2, 36, 24))
                Sides()(torch.randn(2, 3, 16, 16)), Steps()(torch.randn(2, 3, 16, 16))
        """,
        ),
        Case(
            "a selection without entries",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    none = self.fc(x)[:, :0].reshape(2, 4, 2, 0)
                    return none, self.fc(x.view(2, 3, 3, 8).permute(0, 3, 1, 2).reshape(2, 9, 8))
            if __name__ == "__main__":
                Net()(torch.randn(2, 9, 8))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in with_new_classes(analysis.models):
            if model.sizes_stated:
                yield from self._turned(model)
                yield from self._mixed(model)

    def _turned(self, model: Model) -> Iterator[Finding]:
        found, advice = turned_output(model), "keep the order of the sides"
        if found is not None:
            message = (
                f"this exchanges {found.first.text} and {found.second.text} (both {found.first.size} here), and "
                f"nothing exchanges them back: the output {found.output.shape} has them in another order"
            )
            yield self.at(model.where_of(found.node), message, advice=advice)
        for sides in turned_sides(model) if found is None else ():
            reader = f"the output {sides.reader.shape} has"
            if sides.reader.kind == "convolution":
                reader = f"the convolution in line {sides.reader.known_point.span.start.line} reads"
            message = (
                f"this exchanges the height and width, and nothing exchanges them back: {reader} them in another order "
                "than a convolution before"
            )
            yield self.at(model.where_of(sides.node), message, advice=advice)

    def _mixed(self, model: Model) -> Iterator[Finding]:
        for found in {mixed.node: mixed for mixed in mixed_orders(model)}.values():
            message = (
                f"line {found.view.known_point.span.start.line} puts {found.view.shape} together from patches: after "
                f"this permutation, the pixels of a patch are neighbours along axis {found.dim + found.is_second}, but "
                f"not along axis {found.dim + (not found.is_second)}"
            )
            yield self.at(model.where_of(found.node), message, advice="merge each axis of patches with its own pixels")
        for other in other_layouts(model):
            message = (
                f"line {other.join.known_point.span.start.line} concatenates this map, which is flattened in another "
                "order than all others: the same place in a row is not the same position"
            )
            yield self.at(model.where_of(other.node), message, advice="permute all maps in the same order")
