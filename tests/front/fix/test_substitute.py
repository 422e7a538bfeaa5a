"""Names in a user's expression are replaced as names: where the same letters are something else, they stay."""

from __future__ import annotations

import ast
from pathlib import Path

import libcst as cst
import pytest
from conftest import Lint
from fixing import HEAD, findings, fix, main_block, output_shape, write
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_lint.front.fix.precedence import ATOM, PRODUCT, SUM, bracketed
from resnet_lint.front.fix.substitute import names_in, renamed, substituted


def code(node: cst.BaseExpression | None) -> str | None:
    return cst.Module([]).code_for_node(node) if node is not None else None


@pytest.mark.parametrize(
    ("expression", "value", "wanted"),
    [
        ("width", "planes * 2", "planes * 2"),
        ("width // 2", "planes * 2", "(planes * 2) // 2"),
        ("f(width=width)", "planes * 2", "f(width=planes * 2)"),
        ("f(width, *width)", "planes * 2", "f(planes * 2, *(planes * 2))"),
        ("f(width)", "a, b", "f((a, b))"),
        ("self.width * width", "planes", "self.width * planes"),
        ("width.bit_length()", "2", "(2).bit_length()"),
        ("sizes['width'] + width", "n", "sizes['width'] + n"),
        ("width * 2", "(a) + (b)", "((a) + (b)) * 2"),
        ("width * 2", "(a + b)", "(a + b) * 2"),
        ("(lambda width: width)(width)", "n", "(lambda width: width)(n)"),
        ("(lambda w=width: w * width)()", "n", "(lambda w=n: w * n)()"),
        ("sum(width for width in widths)", "n", "sum(width for width in widths)"),
        ("sum(w * width for w in range(width))", "n", "sum(w * n for w in range(n))"),
        ("[width for row in width for width in row]", "n", "[width for row in n for width in row]"),
        ("{w: width for w in x if w < width}", "n", "{w: n for w in x if w < n}"),
        ("f'{width}: width'", "n", "f'{n}: width'"),
        ("(lambda n: n * width)(3)", "n", None),  # the lambda would take the value's n for its own
        ("[n * width for n in x]", "n + 1", None),
    ],
)
def test_only_what_an_expression_reads_is_replaced(expression: str, value: str, wanted: str | None) -> None:
    result = substituted(cst.parse_expression(expression), {"width": cst.parse_expression(value)})
    assert code(result) == wanted


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("planes * 2", "width"),
        ("planes*2 + 1", "width + 1"),
        ("n / planes * 2", "n / planes * 2"),  # which is (n / planes) * 2
        ("block.expansion * (planes * 2)", "self.expansion * width"),
        ("other.block.expansion", "other.block.expansion"),
        ("f(stride=stride)", "f(stride=step)"),
        ("(lambda stride: stride)(stride)", "(lambda stride: stride)(step)"),
    ],
)
def test_a_part_is_renamed_where_it_is_the_same_expression(expression: str, wanted: str) -> None:
    names = {ast.dump(ast.parse("planes * 2", mode="eval").body): "width", "Name(id='stride', ctx=Load())": "step"}
    assert code(renamed(cst.parse_expression(expression), names, cst.parse_expression("block"))) == wanted


def test_names_are_those_that_are_read() -> None:
    assert names_in(cst.parse_expression("f(a, key=b.c, **d)[None] + (lambda x: x + e)(True)")) == set("fabde")


NAMES = st.sampled_from(["a", "b", "width"])
EXPRESSIONS = st.recursive(
    NAMES | st.sampled_from(["2", "f(width=width)", "x.width"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "*", "//", "-", "**", "<", "and", "or"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        inner.map("f({})".format),
        st.tuples(inner, inner).map("({0[0]}) if ({0[1]}) else 2".format),
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(EXPRESSIONS, EXPRESSIONS)
def test_a_replacement_is_one_operand_whatever_stands_beside_it(expression: str, value: str) -> None:
    class Replaced(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.parse(value, mode="eval").body if node.id == "width" else node

    result = code(substituted(cst.parse_expression(expression), {"width": cst.parse_expression(value)}))
    assert result is not None
    assert ast.dump(ast.parse(result, mode="eval")) == ast.dump(Replaced().visit(ast.parse(expression, mode="eval")))


@pytest.mark.parametrize(
    ("text", "least", "wanted"),
    [
        ("(a) + (b)", ATOM, "((a) + (b))"),
        ("(a + b)", ATOM, "(a + b)"),
        ("a + b", SUM, "a + b"),
        ("a + b", PRODUCT, "(a + b)"),
        ("a\n+ b", SUM, "a\n+ b"),
        ("f(a, b)[0].c", ATOM, "f(a, b)[0].c"),
        ("a, b", SUM, "(a, b)"),
        ("x for x in y", SUM, "(x for x in y)"),
    ],
)
def test_brackets_are_put_where_they_are_needed(text: str, least: int, wanted: str) -> None:
    assert bracketed(text, least) == wanted


KEYWORDS = (
    HEAD
    + """def scaled_width(width, scale=1):
    return width * scale


def conv3x3(cin, width, stride=1):
    return nn.Conv2d(cin, scaled_width(width=width), 3, stride, 1)


class Block(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv = conv3x3(inplanes, planes * 2, stride)

    def forward(self, x):
        return self.conv(x) + x
"""
    + main_block("Block(4, 4, 2)", (2, 4, 8, 8))
)


def test_a_keyword_that_is_called_like_a_parameter_stays(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, KEYWORDS)
    assert findings(lint, path)[0]["fix"]["verified"]
    assert "nn.Conv2d(inplanes, scaled_width(width=planes * 2), kernel_size=1" in "".join(fix(lint, path).added)
    assert output_shape(path, "Block(4, 4, 2)", (2, 4, 8, 8)) == (2, 8, 4, 4)
