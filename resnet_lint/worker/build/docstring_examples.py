"""The examples in docstrings: `>>> net = Net(3)` and `>>> net(torch.randn(1, 3, 32, 32))`."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def docstring_examples(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt]]]:
    """The statements of the examples of a docstring, with the name of what it documents, each at its own line."""
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and node.body:
            first = node.body[0]
            text = first.value if isinstance(first, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str) and ">>>" in text.value:
                yield getattr(node, "name", "the file"), list(_statements(text.value, text.lineno))


def _statements(text: str, line: int) -> Iterator[ast.stmt]:
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:  # the indentation is not that of an example
        return
    for example in examples:
        try:
            tree = ast.parse(example.source)
        except SyntaxError:
            continue
        ast.increment_lineno(tree, line + example.lineno - 1)
        for node in ast.walk(tree):
            if isinstance(node, (ast.expr, ast.stmt)):
                node.col_offset += example.indent + 4
                node.end_col_offset = (node.end_col_offset or 0) + example.indent + 4
        yield from tree.body
