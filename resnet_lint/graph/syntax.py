"""The syntax around an executed expression: its function, its statement, and the names that it reads and binds."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Container, Iterator, Sequence
from functools import cache
from types import CodeType

from .module_call import module_classes
from .source_places import Point, Positions, positions_in

_Loop = (ast.For, ast.AsyncFor, ast.While)
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def function_of(code: CodeType) -> Function | None:
    """The definition of a code object; for a lambda or a comprehension, the enclosing one."""
    return _function_in(tree_of(code.co_filename), code)


@cache
def _function_in(tree: ast.Module, code: CodeType) -> Function | None:
    functions = _functions_in(tree)
    if code.co_name.startswith("<"):
        around = [node for node in functions if node.lineno <= code.co_firstlineno <= (node.end_lineno or 0)]
        return max(around, key=begin_of, default=None)
    for node in functions:
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        if node.name == code.co_name and first == code.co_firstlineno:
            return node
    return None


_trees: dict[str, tuple[list[str], ast.Module]] = {}


def tree_of(path: str) -> ast.Module:
    """The syntax tree of the lines that `linecache` has of a file; empty if they are not valid Python."""
    lines = linecache.getlines(path)
    known = _trees.get(path)
    if known is None or known[0] is not lines:  # a file that was read again has other lines
        known = _trees[path] = lines, _parsed("".join(lines))
    return known[1]


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


@cache
def _functions_in(tree: ast.Module) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, _Function)]


def node_at(point: Point) -> ast.expr | ast.AugAssign | None:
    """The expression, or the statement `x += y`, of an instruction."""
    function = function_of(point.code)
    positions = positions_in(point.code)[point.instruction // 2]
    return _nodes_by_positions(function).get(positions) if function is not None else None


def call_at(point: Point) -> ast.Call | None:
    """The call of an instruction, also of one outside functions."""
    around = function_of(point.code) or tree_of(point.code.co_filename)
    node = _nodes_by_positions(around).get(positions_in(point.code)[point.instruction // 2])
    return node if isinstance(node, ast.Call) else None


@cache
def _nodes_by_positions(function: Function | ast.Module) -> dict[Positions, ast.expr | ast.AugAssign]:
    """The expressions of a function or file by position; the outer one if two have the same position."""
    found: dict[Positions, ast.expr | ast.AugAssign] = {}
    for node in ast.walk(function):
        if isinstance(node, (ast.expr, ast.AugAssign)):
            found.setdefault((node.lineno, node.end_lineno, node.col_offset, node.end_col_offset), node)
    return found


def statement_at(point: Point) -> ast.stmt | None:
    """The innermost statement of an instruction."""
    function = function_of(point.code)
    return _statement_in(function, positions_in(point.code)[point.instruction // 2]) if function is not None else None


@cache
def _statement_in(function: Function, positions: Positions) -> ast.stmt | None:
    line, end_line, column, end_column = positions
    if line is None or end_line is None or column is None or end_column is None:
        return None
    inside = [
        node
        for node in _statements_in(function)
        if begin_of(node) <= (line, column) and (end_line, end_column) <= end_of(node)
    ]
    return max(inside, key=begin_of, default=None)


@cache
def _statements_in(function: Function) -> list[ast.stmt]:
    """The statements in a function, outer ones first."""
    return [node for node in ast.walk(function) if isinstance(node, ast.stmt) and node is not function]


def begin_of(node: ast.stmt | ast.expr) -> tuple[int, int]:
    """The line and column at which a statement or an expression begins."""
    return node.lineno, node.col_offset


def end_of(node: ast.stmt | ast.expr) -> tuple[int, int]:
    """The line and column at which a statement or an expression ends."""
    return node.end_lineno or node.lineno, node.end_col_offset or 0


def names_read_by(node: ast.AST | None) -> frozenset[str]:
    """The variables that an operation reads directly: `h` but not `g` in `h + self.branch(g)`, `x` in `cat([x[0]])`."""
    return frozenset(_operand_names(node))


def _operand_names(node: ast.AST | None) -> Iterator[str]:
    if isinstance(node, ast.BinOp):
        yield from _name_behind(node.left)
        yield from _name_behind(node.right)
    elif isinstance(node, ast.AugAssign):
        yield from _name_behind(node.target)
        yield from _name_behind(node.value)
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            yield from _name_behind(node.func.value)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield from _name_behind(argument)
    elif isinstance(node, (ast.Subscript, ast.Attribute)):
        yield from _name_behind(node.value)


def _name_behind(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, (ast.Subscript, ast.Starred)):
        yield from _name_behind(node.value)
    elif isinstance(node, (ast.List, ast.Tuple)):
        for part in node.elts:
            yield from _name_behind(part)


def is_taken_from(name: str, container: str, code: CodeType) -> bool:
    """Whether a function only assigns parts of a container to a variable: `s = skips.pop()`, `for s in skips[::-1]`."""
    taken = _bindings_from(name, container, code)
    return bool(taken) and all(taken)


def may_be_taken_from(name: str, container: str, code: CodeType) -> bool:
    """Whether a function assigns parts of a container to a variable, perhaps among other values."""
    return any(_bindings_from(name, container, code))


def is_loop_variable(name: str, container: str, code: CodeType) -> bool:
    """Whether a function loops over a container with a variable: `for number, skip in enumerate(skips)`."""
    function = function_of(code)
    loops = (node for node in ast.walk(function) if isinstance(node, ast.For)) if function is not None else ()
    return any(name in names_bound_by(loop) and _mentions(loop.iter, container) for loop in loops)


def _bindings_from(name: str, container: str, code: CodeType) -> list[bool]:
    """For every statement of a function that assigns a variable: whether it assigns a part of a container."""
    function = function_of(code)
    statements = _statements_in(function) if function is not None else ()
    return [
        isinstance(node, (ast.Assign, ast.For))
        and _mentions(node.iter if isinstance(node, ast.For) else node.value, container)
        for node in statements
        if name in names_bound_by(node)
    ]


def takes_from(node: ast.AST | None, container: str) -> bool:
    """Whether an expression takes a part out of a container, as in `torch.cat([x, skips.pop()], 1)`."""
    calls = [part for part in ast.walk(node) if isinstance(part, ast.Call)] if node is not None else []
    return any(isinstance(call.func, ast.Attribute) and _is_pop(call.func, container) for call in calls)


def _is_pop(method: ast.Attribute, container: str) -> bool:
    return method.attr.startswith("pop") and isinstance(method.value, ast.Name) and method.value.id == container


def _mentions(value: ast.expr, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(value))


@cache
def names_bound_by(statement: ast.stmt) -> frozenset[str]:
    """The variables that a statement assigns or explicitly modifies: `x[0] = y`, or `x.add_(y)` as a statement."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor)):
        targets = [statement.target]
    elif isinstance(statement, (ast.With, ast.AsyncWith)):
        targets = [item.optional_vars for item in statement.items if item.optional_vars is not None]
    bound = {name for target in targets for name in _name_behind(target)}
    if isinstance(statement, ast.Expr):
        bound.update(_operand_names(statement.value))
    if not isinstance(statement, (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.Try)):
        bound.update(node.target.id for node in ast.walk(statement) if isinstance(node, ast.NamedExpr))
    return frozenset(bound)


def keeps_its_value(name: str, since: Point, until: Point, ran: Container[ast.stmt | None]) -> bool:
    """Whether a variable certainly has the same value at `until` as before `since`, which ran earlier.

    Both expressions are in the same function; in a loop, `until` may precede `since` in the source. `ran` are the
    executed statements of the function that contain calls: `identity = self.downsample(x)` under an `if` may not have
    been executed. The statement of `since` was.
    """
    function, first, last = function_of(since.code), statement_at(since), statement_at(until)
    if function is None or first is None or last is None:
        return False
    if first is last and since.instruction < until.instruction:
        return True  # a statement binds its names after evaluating its expressions
    statements = [node for node in _statements_in(function) if name in names_bound_by(node)]
    bindings = [node for node in statements if node in ran or node is first or not _is_value_of_call(node)]
    if begin_of(first) < begin_of(last):
        return not any(begin_of(first) <= begin_of(node) < begin_of(last) for node in bindings)
    loops = [node for node in _statements_in(function) if isinstance(node, _Loop) and _holds(node, first)]
    common = max((loop for loop in loops if _holds(loop, last)), key=begin_of, default=None)
    return common is not None and not any(_holds(common, node) for node in bindings)


def _is_value_of_call(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)


def _assigned_at(point: Point) -> ast.Name | None:
    """For `name = value`: the name as the target; None for a name such as `_`, which is meant to be ignored."""
    statement = statement_at(point)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    return target if isinstance(target, ast.Name) and not target.id.startswith("_") else None


def never_read(point: Point) -> str | None:
    """For `name = value`: the name, if no line of the function can read this value: none at all, or none after it."""
    function, target = function_of(point.code), _assigned_at(point)
    if function is None or target is None:
        return None
    same = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == target.id]
    if same == [target]:
        return target.id
    statement = statement_at(point)
    inner = [node for part in function.body for node in ast.walk(part)]
    loops = [node for node in inner if isinstance(node, (ast.For, ast.While))]
    if statement is None or any(_holds(loop, statement) for loop in loops):
        return None
    if any(isinstance(node, (ast.FunctionDef, ast.Lambda)) for node in inner):
        return None
    return None if any(begin_of(name) >= end_of(statement) for name in same) else target.id


def _holds(outer: ast.stmt, inner: ast.stmt) -> bool:
    return begin_of(outer) <= begin_of(inner) and end_of(inner) <= end_of(outer)


def overwritten_by(point: Point) -> tuple[str, ast.expr] | None:
    """For `name = value`: the name, and the value of a later assignment if no statement in between reads the name.

    Both statements are in the same block, so the first value is always discarded.
    """
    function, statement, target = function_of(point.code), statement_at(point), _assigned_at(point)
    if function is None or statement is None or target is None:
        return None
    for later in _after(statement, function):
        names = [node for node in ast.walk(later) if isinstance(node, ast.Name) and node.id == target.id]
        if not names:
            continue
        simple = isinstance(later, ast.Assign) and any(name is target for name in names for target in later.targets)
        return (target.id, later.value) if simple and isinstance(later, ast.Assign) and len(names) == 1 else None
    return None


def _after(statement: ast.stmt, function: Function) -> Sequence[ast.stmt]:
    """The statements after a statement in its block."""
    for node in ast.walk(function):
        for block in (getattr(node, field, None) for field in ("body", "orelse", "finalbody")):
            if isinstance(block, list) and statement in block:
                return block[block.index(statement) + 1 :]
    return ()


def methods_of(kind: type) -> Iterator[Function | None]:
    """The methods of a module class and its base classes, without constructors; None for those without source."""
    values = (value for base in module_classes(kind) for value in vars(base).values())
    codes = (getattr(value, "__code__", None) for value in values)
    return (function_of(code) for code in codes if code is not None and code.co_name != "__init__")


def may_join(function: Function) -> bool:
    """Whether a line of a function adds, subtracts, multiplies or concatenates."""
    for node in ast.walk(function):
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
            return True
        if isinstance(node, ast.Attribute) and node.attr in _JOINS:
            return True
    return False


_JOINS = frozenset({"add", "add_", "iadd", "cat", "concat", "concatenate", "stack", "lerp", "addcmul", "sum", "einsum"})
