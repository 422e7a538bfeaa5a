"""RL208: a residual block without its skip connection."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_lint.rule import (
    SHORTCUT_WORDS,
    Analysis,
    Call,
    Case,
    Finding,
    Model,
    Rule,
    Traits,
    bare_wrappers,
    function_of,
    layers_in_a_row,
    may_join,
    methods_of,
    saved_unread,
    span_of,
    vocabulary,
    words_in,
)


class SkipMissing(Rule):
    """What it does: finds a `forward()` that saves its input as `identity`, `residual`, `shortcut` and the like, never
    reads that variable, and never adds its input. It also finds a class named after a residual block (`ResBlock`,
    `ResidualUnit`) that preserves the shape of its input and is a plain chain of layers, if no line of the class and
    nothing in the trace joins two values.

    Why is this bad: the skip connection was lost, in an edit or a merge. No error is raised; the block trains
    like a plain one.

    Example:
        identity = x
        out = self.conv2(torch.relu(self.conv1(x)))
        return torch.relu(out)

    Use instead:
        identity = x
        out = self.conv2(torch.relu(self.conv1(x)))
        return torch.relu(out + identity)
    """

    code = "RL208"
    name = "skip-missing"
    severity = "warning"
    traits = Traits(silent=True)
    bad = (
        Case(
            "saved and forgotten",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    identity = x  # <- RL208
                    x = self.conv(x)
                    return torch.relu(x)
        """,
        ),
        Case(
            "projected and forgotten",
            """
            class Block(nn.Module):
                def __init__(self, width=8, project=False):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.proj = nn.Conv2d(width, width, 1) if project else None
                    self.norm = nn.BatchNorm2d(width)
                def forward(self, x):
                    if self.proj is not None:
                        shortcut = self.proj(x)
                        shortcut = self.norm(shortcut)  # <- RL208
                    else:
                        shortcut = x
                    return self.norm(self.conv(x))
        """,
        ),
        Case(
            "a saved input in a class named ResBlock",
            """
            class ResBlock(nn.Module):
                def __init__(self, width=8, downsample=None):
                    super().__init__()
                    self.body = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                def forward(self, x):
                    before = x  # <- RL208
                    x = self.body(x)
                    return x
        """,
        ),
        Case(
            "forgotten after a loop",
            """
            class Stage(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])
                def forward(self, x):
                    identity = x  # <- RL208
                    for layer in self.layers:
                        x = layer(x)
                    return x
        """,
        ),
        Case(
            "a wrapper that only calls",
            """
            class Residual(nn.Module):
                def __init__(self, fn):
                    super().__init__()
                    self.fn = fn
                def forward(self, x, **kwargs):
                    return self.fn(x, **kwargs)  # <- RL208
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.body = Residual(nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.Sigmoid()))
                def forward(self, x):
                    return self.body(x)
            if __name__ == "__main__":
                Net()(torch.randn(2, 8, 6, 6))
        """,
        ),
        Case(
            "a residual block in name only",
            """
            class ResidualBlock(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv1 = nn.Conv2d(width, width, 3, padding=1)
                    self.conv2 = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    out = torch.relu(self.conv1(x))
                    return self.conv2(out)  # <- RL208
        """,
        ),
    )
    good = (
        Case(
            "a block whose caller adds its input",
            """
            class ResBlock(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.one = nn.Conv2d(8, 8, 3, padding=1)
                    self.two = nn.Conv2d(8, 8, 3, padding=1)
                def forward(self, x):
                    return self.two(self.one(x))
            class ResUnit(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.body = ResBlock()
                def forward(self, x):
                    return x + self.body(x)
        """,
        ),
        Case(
            "an identity per loop iteration",
            """
            class Stage(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])
                def forward(self, x):
                    identity = x
                    for layer in self.layers:
                        x = layer(x) * identity.mean()
                        identity = x
                    return x
        """,
        ),
        Case(
            "added by another module, or a name with another meaning",
            """
            class Add(nn.Module):
                def __init__(self, body):
                    super().__init__()
                    self.body = body
                def forward(self, x):
                    return x + self.body(x)
            class ResBlock(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                    self.body = Add(layers)
                def forward(self, x):
                    return self.body(x)
            class ResidualUnit(nn.Module):
                def __init__(self, width=8, skip=False):
                    super().__init__()
                    self.first, self.second, self.skip = nn.Linear(width, width), nn.Linear(width, width), skip
                def forward(self, x):
                    out = self.second(self.first(x))
                    return out + x if self.skip else out
            class ResampleBlock(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
                def forward(self, x):
                    return self.second(self.first(x))
            class ResidualPath(ResampleBlock):
                pass
            if __name__ == "__main__":
                x = torch.randn(2, 8)
                ResBlock()(x), ResidualUnit()(x), ResampleBlock()(x), ResidualPath()(x)
        """,
        ),
        Case(
            "the saved value is not a tensor",
            """
            class Net(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    orig_size = x.shape
                    return self.conv(x)
        """,
        ),
        Case(
            "the input is added under its own name",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    identity = x
                    return x + self.conv(x)
        """,
        ),
        Case(
            "read on another path",
            """
            class ResBlock(nn.Module):
                def __init__(self, width=8, stride=2):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, stride, 1)
                    self.use_skip = stride == 1
                def forward(self, x):
                    identity = x
                    x = self.conv(x)
                    if self.use_skip:
                        x = x + identity
                    return x
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        unread = [found for model in analysis.models for found in _unread_identities(model)]
        for model, call, saved in unread:
            where = model.where(span_of(call.known_code.co_filename, saved), call)
            message = (
                f"{saved.id} is assigned but never used, and {where.module} never adds its input: "
                "the skip connection is missing"
            )
            yield self.at(where, message, advice=f"add {saved.id} at the end of the block")
        reported = {type(call.module).__name__ for _, call, _ in unread}
        for model in analysis.models:
            for call, returned, layers in _plain_chains(model):
                where = model.where(span_of(call.known_code.co_filename, returned), call)
                if where.module not in reported:
                    message = (
                        f"{where.module} is a plain chain of {layers} layers that preserves the shape of its input and "
                        "has no path around them: the skip connection is missing"
                    )
                    yield self.at(where, message, advice="add the block's input at its end, or rename the class")
            for call, called in bare_wrappers(model):
                where = model.where(span_of(call.known_code.co_filename, _returned(call)[-1]), call)
                message = f"{where.module} returns {called}(x) without adding x: the skip connection is missing"
                yield self.at(where, message, advice=f"return x + self.{called}(x)")


def _unread_identities(model: Model) -> Iterator[tuple[Model, Call, ast.Name]]:
    """Blocks that assign a value to a name such as `identity`, but neither read it nor add their input."""
    reported: set[type] = set()
    for call in model.users_calls:
        kind, function = type(call.module), function_of(call.known_code)
        if kind in reported:
            continue
        reported.add(kind)
        saved = saved_unread(function, bool(words_in(kind.__name__) & SHORTCUT_WORDS)) if function is not None else None
        if saved is not None and not model.adds_input_of(call):
            yield model, call, saved


def _plain_chains(model: Model) -> Iterator[tuple[Call, ast.expr, int]]:
    """Classes named after residual blocks that preserve the shape and are a single chain of layers.

    A name alone is not enough. So no line of the class may join two values, as a flag may enable it, and no path in
    the trace may bypass a layer, not even in a part of the block.
    """
    reported: set[type] = set()
    for call in model.users_calls:
        function, outputs = function_of(call.known_code), model.results.get(call, ())
        if type(call.module) in reported or function is None or len(call.inputs) != 1 or len(outputs) != 1:
            continue
        if model.is_added_to_its_input(call):
            reported.add(type(call.module))
            continue
        layers = layers_in_a_row(call.inputs[0], outputs[0]) if _promises(type(call.module)) else 0
        returned = _returned(call)
        if layers > 1 and returned:
            reported.add(type(call.module))
            yield call, returned[-1], layers


def _returned(call: Call) -> list[ast.expr]:
    """The expressions that the forward of a call may return."""
    function = function_of(call.known_code)
    nodes = ast.walk(function) if function is not None else iter(())
    return [node.value for node in nodes if isinstance(node, ast.Return) and node.value is not None]


def _promises(kind: type) -> bool:
    """Whether a class is named after a residual block, and none of its lines could close a skip connection."""
    name = kind.__name__
    if vocabulary.RESIDUAL_CLASS.fullmatch(name) is None or words_in(name) & vocabulary.BRANCHES:
        return False
    return not any(function is None or may_join(function) for function in methods_of(kind))
