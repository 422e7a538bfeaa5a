"""Finds the user's own expression for an argument of a layer: `planes * self.expansion`, not 256.

A layer is built by a call in a helper, that is called in the block's constructor, that is called in the model's, and so
on. The argument's expression is followed outward through these calls: a name that is a parameter of the function stands
for what the next call passes, until the function is reached in which the expression is to be used.
"""

from __future__ import annotations

import re

import libcst as cst

from ..records import Site
from .signatures import argument_of, default_of, function_parameters, layer_parameters
from .source import Source, Sources


def expression_for(site: Site, argument: str, scope: cst.FunctionDef, source: Source, sources: Sources) -> str | None:
    """The source of a layer's argument, in the words of the function `scope` of `source`; None where there is none."""
    if not site.calls:
        return None
    inner = sources.get(site.calls[0].path)
    call = inner.call_at(site.calls[0]) if inner is not None else None
    if inner is None or call is None:
        return None
    passed = argument_of(call, layer_parameters(call.func) or site.parameters, argument)
    return _followed(passed.value, 0, site, scope, source, sources) if passed is not None else None


def expression_beside(
    like: Site, argument: str, site: Site, level: int, source: Source, sources: Sources
) -> str | None:
    """The source of an argument of `like` in the words of the function of `site.calls[level]`, by way of an outer one.

    A block and its shortcut are often built side by side: `block(inplanes, planes, downsample)`. There, what the
    shortcut is built with (`planes * block.expansion`) is `planes * self.expansion` inside the block.
    """
    for outer in range(level + 1, len(site.calls)):
        function = _function_at(site, outer, sources)
        if site.calls[outer].path != source.path or function is None:
            return None
        if not is_built_under(function, like, sources):
            continue
        expression = expression_for(like, argument, function, source, sources)
        if expression is not None:
            for inner in range(outer, level, -1):
                expression = _said_inside(expression, site, inner, sources) if expression is not None else None
            return expression
    return None


def is_built_under(function: cst.FunctionDef, site: Site, sources: Sources) -> bool:
    """Whether a function holds one of the calls that lead to a layer, and so has names for its arguments."""
    return any(_function_at(site, level, sources) is function for level in range(len(site.calls)))


def _function_at(site: Site, level: int, sources: Sources) -> cst.FunctionDef | None:
    """The function that holds one of the calls of a site."""
    here = sources.get(site.calls[level].path)
    call = here.call_at(site.calls[level]) if here is not None else None
    return here.function_around(call) if here is not None and call is not None else None


def _said_inside(expression: str, site: Site, level: int, sources: Sources) -> str | None:
    """An expression at a call, in the words of the function that is called; None where a name has no counterpart."""
    here, function = sources.get(site.calls[level].path), _function_at(site, level - 1, sources)
    call = here.call_at(site.calls[level]) if here is not None else None
    if here is None or function is None or call is None:
        return None
    parameters = function_parameters(function, bound=True)
    codes = {f"{here.code(call.func)}.": "self."}
    for index, passed in enumerate(call.args):
        name = passed.keyword.value if passed.keyword is not None else parameters[index : index + 1]
        if passed.star == "" and name:
            codes[here.code(passed.value)] = name if isinstance(name, str) else name[0]
    replaced = expression
    for code, name in sorted(codes.items(), key=lambda pair: -len(pair[0])):
        replaced = re.sub(
            rf"(?<![\w.]){re.escape(code)}(?!\w)" if code[-1] != "." else rf"(?<![\w.]){re.escape(code)}",
            name,
            replaced,
        )
    names = _names_in(cst.parse_expression(replaced)) - {"self"}
    return replaced if names <= _parameter_names(function) else None


def callee_for(site: Site, scope: cst.FunctionDef, source: Source, sources: Sources) -> str | None:
    """What is called to build a layer (`nn.BatchNorm2d`, `norm_layer`), in the words of `scope`."""
    if not site.calls:
        return None
    inner = sources.get(site.calls[0].path)
    call = inner.call_at(site.calls[0]) if inner is not None else None
    return _followed(call.func, 0, site, scope, source, sources) if call is not None else None


def _followed(
    expression: cst.BaseExpression, level: int, site: Site, scope: cst.FunctionDef, source: Source, sources: Sources
) -> str | None:
    """An expression of the function at `level` of the site's calls, said in the words of `scope`."""
    here = sources.get(site.calls[level].path)
    call = here.call_at(site.calls[level]) if here is not None else None
    function = here.function_around(call) if here is not None and call is not None else None
    if here is None or function is None:
        return None
    if here is source and function is scope:
        return here.code(expression)
    replacements: dict[str, str] = {}
    for name in sorted(_names_in(expression)):
        if name == "self" and level + 1 < len(site.calls):
            block = _named_class(expression, function, level, site, scope, source, sources)
            if block is None:
                return None
            replacements["self"] = block
        elif name in _bound_names(function):
            value = _value_of(name, function, level, site, scope, source, sources)
            if value is None:
                return None
            replacements[name] = value
        elif name == "self" or (here is not source and not _is_common(name)):
            return None
    return _with(here.code(expression), replacements)


def _named_class(
    expression: cst.BaseExpression,
    function: cst.FunctionDef,
    level: int,
    site: Site,
    scope: cst.FunctionDef,
    source: Source,
    sources: Sources,
) -> str | None:
    """What stands for `self` where the object is made: the class itself, if only its own attributes are read."""
    here, outer = sources.get(site.calls[level].path), sources.get(site.calls[level + 1].path)
    definition = here.class_around(function) if here is not None else None
    call = outer.call_at(site.calls[level + 1]) if outer is not None else None
    if here is None or definition is None or call is None or function.name.value != "__init__":
        return None
    read = set(re.findall(r"\bself\.(\w+)", here.code(expression)))
    if not read or not read <= class_attributes(definition):
        return None
    return _followed(call.func, level + 1, site, scope, source, sources)


def class_attributes(definition: cst.ClassDef) -> set[str]:
    """The names that a class body gives values: `expansion = 4`, `expansion: int = 4`."""
    found = set()
    for line in definition.body.body:
        for part in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            target = part.target if isinstance(part, cst.AnnAssign) else None
            if isinstance(part, cst.Assign):
                target = part.targets[0].target
            if isinstance(target, cst.Name):
                found.add(target.value)
    return found


def _value_of(
    name: str,
    function: cst.FunctionDef,
    level: int,
    site: Site,
    scope: cst.FunctionDef,
    source: Source,
    sources: Sources,
) -> str | None:
    """What a function's parameter or local name stands for, in the words of `scope`."""
    local = assigned_once(name, function)
    if name not in _parameter_names(function):
        return _followed(local, level, site, scope, source, sources) if local is not None else None
    if local is not None or level + 1 >= len(site.calls):
        return None
    outer = sources.get(site.calls[level + 1].path)
    call = outer.call_at(site.calls[level + 1]) if outer is not None else None
    if outer is None or call is None:
        return None
    bound = bool(function.params.params) and function.params.params[0].name.value in ("self", "cls")
    passed = argument_of(call, function_parameters(function, bound), name)
    if passed is not None:
        return _followed(passed.value, level + 1, site, scope, source, sources)
    default = default_of(function, name)
    return cst.Module([]).code_for_node(default) if isinstance(default, (cst.Integer, cst.Name, cst.Tuple)) else None


def _names_in(expression: cst.CSTNode) -> set[str]:
    """The names that an expression reads, without attribute names behind a dot and keyword names."""
    found: set[str] = set()

    class Names(cst.CSTVisitor):
        def visit_Attribute(self, node: cst.Attribute) -> bool:
            node.value.visit(self)
            return False

        def visit_Arg(self, node: cst.Arg) -> bool:
            node.value.visit(self)
            return False

        def visit_Name(self, node: cst.Name) -> None:
            found.add(node.value)

    expression.visit(Names())
    return found


def names_bound_in(function: cst.FunctionDef) -> set[str]:
    """The parameters of a function and the names that its body assigns."""
    return _bound_names(function)


def _parameter_names(function: cst.FunctionDef) -> set[str]:
    params = function.params
    return {p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)}


def _bound_names(function: cst.FunctionDef) -> set[str]:
    """The names that a function's body may bind, and its parameters, but `self`."""
    assigned = {name for name, _ in _assignments(function)}
    return (assigned | _parameter_names(function)) - {"self"}


def assigned_once(name: str, function: cst.FunctionDef) -> cst.BaseExpression | None:
    """The value of a local name that a function assigns in one place only."""
    values = [value for target, value in _assignments(function) if target == name]
    return values[0] if len(values) == 1 else None


def _assignments(function: cst.FunctionDef) -> list[tuple[str, cst.BaseExpression]]:
    found: list[tuple[str, cst.BaseExpression]] = []

    class Assignments(cst.CSTVisitor):
        def visit_Assign(self, node: cst.Assign) -> None:
            for target in node.targets:
                if isinstance(target.target, cst.Name):
                    found.append((target.target.value, node.value))

    function.body.visit(Assignments())
    return found


def _is_common(name: str) -> bool:
    """Names that mean the same in every file."""
    return name in ("nn", "torch", "int", "max", "min", "round")


def _with(code: str, replacements: dict[str, str]) -> str:
    for name, value in replacements.items():
        simple = re.fullmatch(r"[\w.]+|\(.*\)|[\w.]+\([^()]*\)", value) is not None
        inside = value if simple or code == name else f"({value})"
        code = re.sub(rf"(?<![\w.]){name}(?!\w)", inside.replace("\\", r"\\"), code)
    return code
