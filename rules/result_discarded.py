"""RL207: a result that is computed and discarded."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_lint.rule import (
    Analysis,
    Call,
    Case,
    Finding,
    Model,
    Node,
    Point,
    Rule,
    Traits,
    fix_plans,
    never_read,
    node_at,
    overwritten_by,
    span_of,
    statement_at,
    vocabulary,
    words_in,
)


class ResultDiscarded(Rule):
    """What it does: finds a result that is never used: an out-of-place call as a statement, a variable that is
    reassigned before its old value is read, or the result of a layer with weights in a variable that is never read.

    Why is this bad: `x.add(y)` leaves x as it was, and `out = self.drop(x)` after `out = out + x` loses the sum.
    The layers behind a lost result get no gradient. No error is raised.

    Example:
        out = out + self.shortcut(x)
        out = self.drop(x)

    Use instead:
        out = out + self.shortcut(x)
        out = self.drop(out)

    Fix safety: Unsafe: the model computes different values once the result is used.
    """

    code = "RL207"
    name = "result-discarded"
    severity = "warning"
    fixable = True
    traits = Traits(silent=True)
    bad = (
        Case(
            "an out-of-place addition as a statement",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    out = self.conv(x)
                    out.add(x)  # <- RL207
                    return torch.relu(out)
        """,
        ),
        Case(
            "overwritten at once",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.shortcut = nn.Conv2d(width, width, 1)
                    self.drop = nn.Dropout(0.1)
                def forward(self, x):
                    out = self.conv(x)
                    if self.shortcut is not None:
                        out = out + self.shortcut(x)
                        out = self.drop(x)  # <- RL207
                    return out
        """,
        ),
        Case(
            "the last value of a variable is lost",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv, self.last = nn.Conv2d(8, width, 3, padding=1), nn.Conv2d(width, width, 1)
                    self.skip = nn.Conv2d(8, width, 1)
                def forward(self, x):
                    h = torch.relu(self.conv(x))
                    h = self.last(h)  # <- RL207
                    return self.skip(x)
        """,
        ),
        Case(
            "the first layer's result is lost",
            """
            class Unit(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    return torch.relu(self.conv(x))
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.first, self.second = Unit(width), Unit(width)
                def forward(self, x):
                    out = self.first(x)
                    out = self.second(x)  # <- RL207
                    return out + x
        """,
        ),
        Case(
            "the next layer reads another variable",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv1 = nn.Conv2d(width, width, 3, padding=1)
                    self.conv2 = nn.Conv2d(width, width, 3, padding=1)
                    self.conv3 = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    r = torch.relu(self.conv1(x))
                    rr = torch.relu(self.conv2(r))  # <- RL207
                    return x + self.conv3(r)
        """,
        ),
    )
    good = (
        Case(
            "in place, and a loop that starts with a default",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(2)])
                    self.relu = nn.ReLU(inplace=True)
                def forward(self, x):
                    out = x * 1.0
                    if len(self.convs) > 1:
                        out = self.convs[0](x)
                    out.add_(x)
                    self.relu(out)
                    _ = self.convs[1](out)
                    _ = self.convs[1](out)
                    return out
        """,
        ),
        Case(
            "a module that runs for its hooks",
            """
            class Probe(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.body = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU())
                    self.body[0].register_forward_hook(self.keep)
                    self.head = nn.Linear(width, 10)
                def keep(self, module, inputs, output):
                    self.kept = output
                def forward(self, x):
                    self.body(x)
                    return self.head(self.kept.mean((2, 3)))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for point, block in _without_readers(model):
                statement, expression = statement_at(point), node_at(point)
                if isinstance(statement, ast.Expr) and statement.value is expression:
                    message = f"the result of {point.text} is never used, and the call modifies nothing in place"
                    plan = fix_plans.UseResult("assign the result to the variable", changes_results=True)
                    yield self.at(model.where(point.span, block), message, fix_plan=plan)
                elif isinstance(statement, ast.Assign) and statement.value is expression:
                    later, unread = overwritten_by(point), never_read(point)
                    if (
                        unread is not None
                        and _has_weights(statement, model)
                        and not _is_lost_shortcut(unread, model, block)
                    ):
                        message = f"the result of {point.text} is assigned to {unread}, which is never read"
                        yield self.at(
                            model.where(point.span, block), message, advice=f"use {unread}, or remove the call"
                        )
                    elif later is not None:
                        name, value = later
                        line = point.span.start.line
                        message = (
                            f"this overwrites {name} before the value that line {line} computed for it is read "
                            f"({point.text})"
                        )
                        plan = fix_plans.UseResult(
                            f"pass {name} as computed on line {line} to this call", changes_results=True
                        )
                        where = model.where(span_of(point.span.path, value), block)
                        yield self.at(where, message, fix_plan=plan)


_SAVED = vocabulary.SAVED | vocabulary.RESIDUALS | vocabulary.ORIGINALS


def _has_weights(statement: ast.stmt, model: Model) -> bool:
    """Whether a layer with weights is called in a statement."""
    functions = (node.point for node in model.nodes if node.learned)
    modules = (call.caller for call in model.calls if next(call.module.parameters(), None) is not None)
    return any(point is not None and statement_at(point) is statement for point in (*functions, *modules))


def _is_lost_shortcut(name: str, model: Model, block: Call) -> bool:
    """Whether the block lacks its skip connection altogether, as another rule reports."""
    return bool(words_in(name) & _SAVED) and not model.adds_input_of(block)


def _is_lost(node: Node, read: set[Node]) -> bool:
    """Whether a result of the user's code is never read; a `__call__` of their own is outside all module calls."""
    in_forward = node.activation and node.point is not None and node.call is not None
    return in_forward and bool(node.inputs) and node not in read and not _runs_hooks(node)


def _runs_hooks(node: Node) -> bool:
    """Whether the expression calls a module with forward hooks, which may keep the values that they get."""
    called = (call.module for call in node.known_call.with_callers() if call.caller == node.point)
    return any(part._forward_hooks for module in called for _, part in module.named_modules())


def _without_readers(model: Model) -> Iterator[tuple[Point, Call]]:
    """The expressions in the user's code whose results are never read in the trace, with the calls around them."""
    read = {node for node in model.nodes if node.users or node.in_place}
    for node in model.nodes:
        if _is_lost(node, read):
            yield node.known_point, model.caller_at(node.known_call, node.known_point)
    for call, results in model.results.items():
        # What one of the user's own modules returns; as a statement, it may have run for its effects.
        unread = results and call.caller is not None and call.parent is not None and not read & set(results)
        if unread and call.caller is not None and not isinstance(statement_at(call.caller), ast.Expr):
            yield call.caller, model.caller_at(call, call.caller)
