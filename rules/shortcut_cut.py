"""RL210: a shortcut that carries no gradient."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from itertools import takewhile

from resnet_lint.rule import (
    Addition,
    Analysis,
    Call,
    Case,
    Finding,
    Node,
    Point,
    Rule,
    Traits,
    function_of,
    residual_at,
    statement_at,
)


class ShortcutCut(Rule):
    """What it does: finds a residual addition whose shortcut is the block's input, or a projection of it, with
    `.detach()` or `.data`, or inside `with torch.no_grad():`, while the residual branch keeps its gradient.

    Straight-through estimators, and targets that are detached outside residual blocks, are not reported.

    Why is this bad: the forward pass is correct, but the gradient flows through the residual branch only, as if there
    were no skip connection.

    Example:
        identity = x.detach()
        return self.conv(x) + identity

    Use instead:
        identity = x
        return self.conv(x) + identity
    """

    code = "RL210"
    name = "shortcut-cut-from-gradient"
    severity = "warning"
    traits = Traits(silent=True)
    bad = (
        Case(
            "a detached identity",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    identity = x.detach()  # <- RL210
                    return self.conv(x) + identity
        """,
        ),
        Case(
            "the data of the input",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.body = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                def forward(self, x):
                    out = self.body(x)
                    out += x.data  # <- RL210
                    return out
        """,
        ),
        Case(
            "a projection without gradient",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.shortcut = nn.Conv2d(width, width, 1)
                def forward(self, x):
                    with torch.no_grad():
                        identity = self.shortcut(x)  # <- RL210
                    return self.conv(x) + identity
        """,
        ),
    )
    good = (
        Case(
            "a frozen block, and a copy that no_grad() does not touch",
            """
            class Frozen(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.shortcut = nn.Conv2d(width, width, 1)
                    self.head = nn.Conv2d(width, width, 1)
                def forward(self, x):
                    with torch.no_grad():
                        identity = x
                        frozen = self.conv(x) + self.shortcut(x)
                    return self.head(frozen) + identity
        """,
        ),
        Case(
            "targets without gradient in the losses of two views",
            """
            from torch.nn import functional as F
            class Siamese(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.online = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                    self.target = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
                    self.predictor = nn.Linear(width, width)
                def loss(self, p, z):
                    return 2 - 2 * F.cosine_similarity(p, z.detach(), dim=-1).mean()
                def forward(self, one, two):
                    p1, p2 = self.predictor(self.online(one)), self.predictor(self.online(two))
                    z1, z2 = self.target(one), self.target(two)
                    return self.loss(p1, z2) + self.loss(p2, z1)
        """,
        ),
        Case(
            "both parts of a call with several results",
            """
            class Gate(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                    self.rnn = nn.LSTM(width, width, batch_first=True)
                def forward(self, x):
                    steps, (hidden, cell) = self.rnn(x)
                    left, right = steps.chunk(2, 1)
                    return self.fc(left) + right + (self.fc(hidden[-1]) + cell[-1])[:, None]
        """,
        ),
        Case(
            "a straight-through estimator",
            """
            class Quantize(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.encode = nn.Linear(width, width)
                def forward(self, x):
                    z = self.encode(x)
                    return z + (z.round() - z).detach()
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for addition in model.additions:
                cut = _cut(addition)
                if cut is not None:
                    step, how = cut
                    message = f"{how} stops the gradient of the shortcut: it flows through the residual branch only"
                    where = model.where(step.known_point.span, addition.block)
                    yield self.at(where, message, advice="let the gradient flow through the shortcut")


def _cut(addition: Addition) -> tuple[Node, str] | None:
    """The node at which a shortcut loses its gradient and the reason, if the residual branch keeps its own."""
    residual, block = residual_at(addition.node), addition.block
    if residual is None or residual.fork is None or not block.made(residual.branch):
        return None
    if len(residual.shortcut_path) > 1 and residual.fork not in block.inputs:
        return None  # a path of several steps that starts elsewhere is not a shortcut of this block
    if len(addition.node.shape or ()) < len(residual.fork.shape or ()):
        return None  # losses of two views are added, not features
    cuts = ((step, _cuts(step, block)) for step in residual.shortcut_path)
    found = next(((step, how) for step, how in cuts if how is not None), None)
    return None if any(_cuts(step, block) for step in residual.branch_path) else found


def _cuts(node: Node, block: Call) -> str | None:
    """What stops the gradient at a call: the call itself, or a `with torch.no_grad()` around it in the block."""
    if node.kind in ("detach", "data"):
        return ".detach()" if node.kind == "detach" else ".data"
    inside = takewhile(lambda call: call is not block, node.call.with_callers()) if node.call is not None else ()
    points = [node.point, *(call.caller for call in inside)]
    return next((how for point in points if point is not None and (how := _no_grad_around(point))), None)


def _no_grad_around(point: Point) -> str | None:
    """The `no_grad()` or `inference_mode()` of a `with` statement around an expression."""
    function, statement = function_of(point.code), statement_at(point)
    blocks = _no_grad_blocks(function) if function is not None else ()
    return next((name for name, inside in blocks if statement in inside), None)


@cache
def _no_grad_blocks(function: ast.AST) -> tuple[tuple[str, frozenset[ast.AST]], ...]:
    """The `no_grad()` and `inference_mode()` of `with` statements in a function, and what is in these statements."""
    items = [(node, item) for node in ast.walk(function) if isinstance(node, ast.With) for item in node.items]
    names = [(node, ast.unparse(item.context_expr)) for node, item in items]
    without_gradient = [(node, name) for node, name in names if name.endswith(("no_grad()", "inference_mode()"))]
    return tuple((name, frozenset(ast.walk(node))) for node, name in without_gradient)
