"""Spans: from a running frame to the characters of the expression."""

from __future__ import annotations

from pathlib import Path

import pytest
from tracing import net, nodes, record

from resnet_lint.shared.records.places import Span

SHAPE = (2, 3, 4)

# What the helper puts before each line of a forward.
INDENT = " " * 8


def span_of(folder: Path, forward: str) -> Span:
    """Where the one call of neg() in this forward is."""
    [node] = nodes(record(folder, net(forward), SHAPE), "neg")
    span: Span = node.known_point.span
    return span


def marked(span: Span) -> str:
    """The text between the ends of a span, read as an editor would: lines and characters from 1, the end exclusive."""
    lines = Path(span.path).read_text(encoding="utf-8").split("\n")[span.start.line - 1 : span.end.line]
    lines[-1] = lines[-1][: span.end.column - 1]
    lines[0] = lines[0][span.start.column - 1 :]
    return "\n".join(lines)


@pytest.mark.parametrize("expression", ["x.neg()", "torch.neg(x)", "torch.neg(\n    x,\n)", "torch.neg(input=x\t)"])
def test_the_expression_exactly(expression: str, tmp_path: Path) -> None:
    span = span_of(tmp_path, f"y = 1; y = {expression}; return y")
    assert marked(span).replace(INDENT, "") == expression


def test_a_method_on_the_next_line_is_where_its_name_is(tmp_path: Path) -> None:
    span = span_of(tmp_path, "return (x\n    .neg())")
    assert marked(span) == "neg()"
    assert span.start.line == 9


@pytest.mark.parametrize("before", ["'é', ", "'漢字', ", "'🙂', ", "'a\\u0301', ", "'\\t', '\t', "])
def test_columns_count_characters(before: str, tmp_path: Path) -> None:
    span = span_of(tmp_path, f"return ({before}x.neg())[-1]")
    assert marked(span) == "x.neg()"


def test_characters_after_the_expression_and_inside(tmp_path: Path) -> None:
    assert marked(span_of(tmp_path, "größe = x; return (größe.neg(), 'é')[0]")) == "größe.neg()"


def test_tabs_count_one_character_each(tmp_path: Path) -> None:
    source = net("return x.neg()").replace("    ", "\t")
    [node] = nodes(record(tmp_path, source, SHAPE), "neg")
    assert marked(node.known_point.span) == "x.neg()"
    assert node.known_point.span.start.column == len("\t\treturn ") + 1


def test_statements_in_place(tmp_path: Path) -> None:
    [node] = nodes(record(tmp_path, net("x = x * 2\nx += \\\n    1\nreturn x"), SHAPE), "add_")
    assert marked(node.known_point.span) == "x += \\\n            1"


def test_the_text_of_a_point_is_one_line(tmp_path: Path) -> None:
    [node] = nodes(record(tmp_path, net("return torch.neg(\n    x,\n)"), SHAPE), "neg")
    assert node.known_point.text == "torch.neg( x, )"


def test_the_innermost_line_of_the_user_counts(tmp_path: Path) -> None:
    source = "def flip(y):\n    return y.neg()\n" + net("return flip(x)")
    [node] = nodes(record(tmp_path, source, SHAPE), "neg")
    assert marked(node.known_point.span) == "y.neg()"


def test_layers_of_torch_are_placed_where_they_are_called(tmp_path: Path) -> None:
    trace = record(tmp_path, net("return self.act(x)", act="nn.Sequential(nn.ReLU(), nn.Tanh())"), SHAPE)
    [node] = nodes(trace, "tanh")
    assert marked(node.known_point.span) == "self.act(x)"
