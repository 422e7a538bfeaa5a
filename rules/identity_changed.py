"""RL203: a tensor that is modified in place, then used as if unchanged."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, LateRead, Node, Rule, Traits, cause_of_change, out_of_place


class IdentityChanged(Rule):
    """What it does: finds a tensor that is kept for later use, such as the identity, and modified in place before that.

    It follows the tensor through aliases, views and lists, and through in-place layers.

    Why is this bad: `nn.ReLU(inplace=True)` at the start of a residual branch also rectifies the block's input, so the
    skip connection carries `relu(x)` instead of `x`. No error is raised.

    Example:
        self.branch = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, padding=1))
        return x + self.branch(x)

    Use instead:
        self.branch = nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
        return x + self.branch(x)

    Fix safety: Unsafe: the model computes different values once the identity is preserved. The change is made out of
    place (`inplace=False`, `out = out + x`), or a copy is kept with `clone()` if another file makes the change.
    """

    code = "RL203"
    name = "identity-changed-in-place"
    severity = "warning"
    fixable = True
    traits = Traits(silent=True)
    bad = (
        Case(
            "the branch starts with an in-place ReLU",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.branch = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1))
                def forward(self, x):
                    return x + self.branch(x)  # <- RL203
        """,
        ),
        Case(
            "an alias of the same tensor",
            """
            import torch.nn.functional as F
            from torch import nn
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    identity = x
                    x = F.relu(x, inplace=True)  # <- RL203
                    return self.conv(x) + identity
        """,
        ),
        Case(
            "one of several streams, in a list",
            """
            class Fuse(nn.Module):
                def __init__(self, share=0.5):
                    super().__init__()
                    self.share = share
                def forward(self, x, y):
                    streams = [x, y]
                    fused = []
                    for index in range(2):
                        out = streams[index]
                        out += self.share * streams[1 - index]  # <- RL203
                        fused.append(out)
                    return fused
        """,
            call="Fuse()",
            inputs=("x=2x8x6x6", "y=2x8x6x6"),
        ),
        Case(
            "a skip connection that a list keeps",
            """
            class UNet(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.down = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(3)])
                    self.up = nn.ModuleList([nn.Conv2d(2 * width, width, 3, padding=1) for _ in range(3)])
                    self.embed = nn.Linear(4, width)
                def forward(self, x, time):
                    skips = []
                    for layer in self.down:
                        x = layer(x)
                        skips.append(x)
                        x += self.embed(time)[:, :, None, None]  # <- RL203
                    for layer in self.up:
                        x = layer(torch.cat([x, skips.pop()], 1))
                    return x
        """,
            call="UNet()",
            inputs=("x=2x8x6x6", "time=2x4"),
        ),
        Case(
            "the features of a stage, modified by the next one",
            """
            class Stage(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.relu = nn.ReLU(inplace=True)
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    return self.conv(self.relu(x))  # <- RL203
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.stem = nn.Conv2d(3, width, 3, padding=1)
                    self.stage = Stage(width)
                def forward(self, x):
                    features = self.stem(x)
                    return self.stage(features) + features
        """,
            call="Net()",
            inputs=("x=2x3x6x6",),
        ),
        Case(
            "a modified view of features that are concatenated",
            """
            class Dense(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    features = [x]
                    left = x[:, :4]
                    left.mul_(0.5)  # <- RL203
                    features.append(self.conv(x.clone()))
                    return torch.cat(features, 1)
        """,
        ),
        Case(
            "concatenated with what a list kept",
            """
            class Scales(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(3)])
                def forward(self, x):
                    done, part = [], x.detach()
                    for i, conv in enumerate(self.convs):
                        if i > 0:
                            part += x  # <- RL203
                        part = conv(part)
                        done.append(part)
                    return torch.cat(done, 1)
        """,
            call="Scales()",
            inputs=("x=2x8x6x6",),
        ),
    )
    good = (
        Case(
            "the activated input is the shortcut, on purpose",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.relu = nn.ReLU(inplace=True)
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    x = self.relu(x)
                    return x + self.conv(x)
        """,
        ),
        Case(
            "another slice is read than the one that a function modifies",
            """
            def shifted(x):
                x[:, 1:] = x[:, :-1].clone()
                return x
            class Shift(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, 2 * width)
                def forward(self, x):
                    c = x.size(-1)
                    x = self.fc(x)
                    return torch.stack([shifted(x[..., :c]), x[..., c:]])
            if __name__ == "__main__":
                Shift()(torch.randn(2, 5, 8))
        """,
        ),
        Case(
            "a slice is modified on purpose, here and in a function",
            """
            def without_first(x, y):
                x[:, 1:] += y[:, 1:]
                return x
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    out = self.conv(x)
                    out[:, :2] += x[:, :2]
                    out = without_first(out, x)
                    return torch.tanh(out)
        """,
        ),
        Case(
            "a copy is kept",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.branch = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1))
                def forward(self, x):
                    identity = x.clone()
                    return self.branch(x) + identity
        """,
        ),
        Case(
            "the modified tensor has no other use",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv1 = nn.Conv2d(width, width, 3, padding=1)
                    self.conv2 = nn.Conv2d(width, width, 3, padding=1)
                    self.relu = nn.ReLU(inplace=True)
                def forward(self, x):
                    identity = x
                    out = self.conv1(x)
                    self.relu(out)
                    out = self.conv2(out)
                    out += identity
                    return self.relu(out)
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layers = nn.ModuleList([Block(), Block()])
                def forward(self, x):
                    for layer in self.layers:
                        x = layer(x)
                    return x
        """,
        ),
        Case(
            "kept in a list after the modification, and modified in the list",
            """
            class UNet(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.down = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(3)])
                    self.up = nn.ModuleList([nn.Conv2d(2 * width, width, 3, padding=1) for _ in range(3)])
                def forward(self, x):
                    skips = []
                    for layer in self.down:
                        x = layer(x)
                        x += 1
                        skips.append(x)
                        x = x * 2
                    for number, skip in enumerate(skips):
                        skip.mul_(number)
                    x = x + torch.stack(skips).sum(0)
                    for layer in self.up:
                        skip = skips.pop()
                        x = layer(torch.cat([x, skip], 1))
                    return x
        """,
            call="UNet()",
            inputs=("x=2x8x6x6",),
        ),
        Case(
            "one part of a split is modified, the other read",
            """
            class Split(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width // 2, width // 2, 1)
                def forward(self, x):
                    left, right = self.conv(x[:, :4]), x[:, 4:]
                    left += 1
                    return torch.cat([left, right], 1)
        """,
            call="Split()",
            inputs=("x=2x8x6x6",),
        ),
        Case(
            "a list of tensors that are filled, and a ReLU of a ReLU",
            """
            class Shifts(nn.Module):
                def forward(self, x):
                    parts = []
                    for shift in range(3):
                        part = torch.zeros_like(x)
                        parts.append(part)
                        part[..., shift:] = x[..., : x.shape[-1] - shift]
                    before = x = torch.relu(x)
                    return torch.cat([*parts, before + x.relu_()], 1)
        """,
            call="Shifts()",
            inputs=("x=2x8x6x6",),
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for read in model.late_reads:
                changed, block = read.change.node, model.caller_at(read.reader.known_call, read.point)
                plan = out_of_place(read.change, block, changes_results=True)
                line = read.point.span.start.line
                if changed.known_point.code is read.point.code and not changed.known_call.is_torchs:
                    message = (
                        f"this modifies {read.name} in place, but it is {_use(read.reader)} on line "
                        f"{line} as if it were unchanged"
                    )
                    yield self.at(model.where(changed.known_point.span, block), message, fix_plan=plan)
                elif _is_in_another_forward(read):
                    message = (
                        f"this modifies {read.name} of {type(block.module).__name__}.forward in place, but it is "
                        f"{_use(read.reader)} on line {line} as if it were unchanged"
                    )
                    yield self.at(model.where_of(changed), message, fix_plan=plan)
                else:
                    message = (
                        f"{read.name} was modified in place by an earlier call, so the value "
                        f"{_use(read.reader)} here is no longer the original one"
                    )
                    cause = cause_of_change(read.change, block)
                    yield self.at(model.where(read.point.span, block), message, (cause,), fix_plan=plan)


def _is_in_another_forward(read: LateRead) -> bool:
    """Whether the change has a line of its own in another forward of the same file.

    A layer in an nn.Sequential has none: the line that calls the nn.Sequential also passes on the tensor.
    """
    changed, reader = read.change.node.known_point, read.point
    return changed.code is not reader.code and changed.span.path == reader.span.path


def _use(reader: Node) -> str:
    if reader.kind == "addition":
        return "added"
    return "concatenated" if reader.kind == "concatenation" else "read"
