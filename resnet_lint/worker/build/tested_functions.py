"""Test functions with what pytest and unittest would give them: parameters, fixtures of the file, `self`."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence

_MOST_ROWS = 4
_SET_UP = ("setUp", "setup_method", "setup")


def bodies(function: ast.FunctionDef, tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """The body of a function, after statements that give its required parameters values.

    One for each row of its parameters, the first few; none where a parameter comes from elsewhere.
    """
    tables = [table for table in map(_table, function.decorator_list) if table]
    fixtures = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and _is_fixture(node)}
    for number in range(min(_MOST_ROWS, max(map(len, tables), default=1))):
        row: dict[str, ast.expr] = {}
        for table in tables:
            row |= table[min(number, len(table) - 1)]
        given = [_assigned(name, value) for name, value in row.items()]
        needed = [name for name in _required(function) if name not in row]
        if not all(name in fixtures for name in needed):
            return
        prepared = _prepared(needed, fixtures)
        if prepared is not None:
            yield [*given, *prepared, *function.body]


def methods(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt]]]:
    """The test methods of the file's test classes, by name, after `self` is made and set up."""
    for kind in tree.body:
        if isinstance(kind, ast.ClassDef) and "test" in kind.name.lower():
            functions = {node.name: node for node in kind.body if isinstance(node, ast.FunctionDef)}
            is_case = any("TestCase" in ast.unparse(base) for base in kind.bases)
            for name, function in functions.items():
                if name.startswith("test") and _required(function) == ["self"]:
                    made = f"self = {kind.name}({name!r})" if is_case else f"self = {kind.name}()"
                    calls = [f"self.{method}()" for method in _SET_UP if method in functions]
                    prepared = ast.parse("\n".join([made, *calls])).body
                    yield f"{kind.name}.{name}", [*(_at(statement, function) for statement in prepared), *function.body]


def _required(function: ast.FunctionDef) -> list[str]:
    """The parameters without a default."""
    positional = [*function.args.posonlyargs, *function.args.args]
    required = positional[: len(positional) - len(function.args.defaults)]
    named = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return [argument.arg for argument in (*required, *(argument for argument, default in named if default is None))]


def _table(decorator: ast.expr) -> list[dict[str, ast.expr]]:
    """The rows of `@pytest.mark.parametrize("width,depth", [(8, 2), (16, 3)])`."""
    if not isinstance(decorator, ast.Call) or not ast.unparse(decorator.func).endswith("parametrize"):
        return []
    if len(decorator.args) < 2 or not isinstance(decorator.args[1], (ast.List, ast.Tuple)):
        return []
    names = _names(decorator.args[0])
    rows = [_values(value, len(names)) for value in decorator.args[1].elts]
    return [dict(zip(names, row, strict=True)) for row in rows if len(row) == len(names) > 0]


def _names(written: ast.expr) -> list[str]:
    if isinstance(written, ast.Constant) and isinstance(written.value, str):
        return [name.strip() for name in written.value.split(",")]
    parts = written.elts if isinstance(written, (ast.List, ast.Tuple)) else []
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def _values(row: ast.expr, count: int) -> Sequence[ast.expr]:
    if isinstance(row, ast.Call) and ast.unparse(row.func).endswith("param"):
        return row.args
    if count == 1:
        return [row]
    return row.elts if isinstance(row, (ast.List, ast.Tuple)) else []


def _is_fixture(function: ast.FunctionDef) -> bool:
    decorators = (node.func if isinstance(node, ast.Call) else node for node in function.decorator_list)
    return any(ast.unparse(decorator).endswith("fixture") for decorator in decorators)


def _prepared(
    names: Sequence[str], fixtures: Mapping[str, ast.FunctionDef], outer: frozenset[str] = frozenset()
) -> list[ast.stmt] | None:
    """The fixtures as plain functions, and their calls, those first that others need; None in a circle."""
    statements: list[ast.stmt] = []
    for name in names:
        if name in outer or name not in fixtures:
            return None
        fixture = fixtures[name]
        needed = _required(fixture)
        inner = _prepared([fixture for fixture in needed if fixture != "request"], fixtures, outer | {name})
        if inner is None:
            return None
        plain = copy.copy(fixture)
        plain.decorator_list = []
        yields = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(fixture))
        call = f"{name}({', '.join(f'{fixture}={fixture}' for fixture in needed)})"
        assigned = _at(ast.parse(f"{name} = next({call})" if yields else f"{name} = {call}").body[0], fixture)
        request = [_request(fixture)] if "request" in needed else []
        statements += [*inner, *request, plain, assigned]
    return statements


def _request(fixture: ast.FunctionDef) -> ast.stmt:
    """`request.param` of a fixture with `params=[...]`: the first of them."""
    keywords = [keyword for node in fixture.decorator_list if isinstance(node, ast.Call) for keyword in node.keywords]
    params = next((keyword.value for keyword in keywords if keyword.arg == "params"), None)
    first = params.elts[0] if isinstance(params, (ast.List, ast.Tuple)) and params.elts else ast.Constant(None)
    made = ast.Call(ast.Name("SimpleNamespace", ast.Load()), [], [ast.keyword("param", first)])
    imported = ast.parse("from types import SimpleNamespace").body[0]
    assigned = ast.Assign([ast.Name("request", ast.Store())], made)
    return _at(ast.If(ast.Constant(True), [imported, assigned], []), fixture)


def _assigned(name: str, value: ast.expr) -> ast.stmt:
    assigned = ast.Assign([ast.Name(name, ast.Store())], value)
    return ast.fix_missing_locations(ast.copy_location(assigned, value))


def _at(statement: ast.stmt, place: ast.AST) -> ast.stmt:
    """A statement that the file does not have, as if it were at a place in it."""
    for node in ast.walk(statement):
        ast.copy_location(node, place)
    return ast.fix_missing_locations(statement)
