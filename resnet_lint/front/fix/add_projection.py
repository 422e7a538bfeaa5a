"""Adds a projection to the shortcut: a 1x1 convolution with the stride of the branch, or a linear layer, in `__init__`.

Channels and stride are expressions from the constructor if possible, else attributes of the branch's layers
(`self.conv1.in_channels`), else numbers. In a block that also works for equal shapes, the projection is conditional,
so that other instances keep their behaviour, parameters and state dict keys.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from resnet_lint.shared.records.fix_plans import Projection, Site
from resnet_lint.shared.records.places import Span
from resnet_lint.shared.vocabulary import MODULES, SHORTCUT_ATTRIBUTE

from . import patterns as m
from .bound_names import assigned_once, class_attributes, elements
from .call_arguments import argument_of, layer_parameters
from .file_style import Style
from .own_shortcut import own_shortcut, values_of
from .precedence import PRODUCT, bracketed
from .projection_numbers import Numbers, numbers_of
from .source_tree import Source, Sources, TextEdit
from .users_expressions import Scope
from .widen_condition import is_built_on_condition, is_plain
from .written_operands import operands_of


@dataclass(frozen=True)
class Block:
    """The class whose forward contains the addition: its constructor, and the last statement that sets layers."""

    definition: cst.ClassDef
    init: cst.FunctionDef
    last_layer: cst.CSTNode


def projections(projection: Projection, at: Span, source: Source, sources: Sources) -> Iterator[list[TextEdit]]:
    """The candidate edits of `source` that project the shortcut of the addition at a span, best first."""
    addition = next(iter(source.at(at)), None)
    block = _block_around(addition, source) if addition is not None else None
    if addition is None or block is None:
        return
    own = own_shortcut(addition, projection.operand, source)
    name = _free_name(block, source)
    use = sent_through(name, addition, projection.operand, source)
    for numbers in numbers_of(projection, Scope(block.init, source, sources)):
        if projection.conditional and numbers.condition is None:
            continue
        style = Style(source)
        layers = _layers(projection, numbers, block, style, source, sources)
        yield from _made_when_none(block, numbers, layers, style, source)
        yield from _made_in_place(own, block, numbers, layers, style, source)
        is_free = own is None and not is_built_on_condition(block.definition, block.init, source)
        if is_free and use is not None:
            lines = _definition(f"self.{name}", numbers, layers, style)
            yield [source.lines_after(block.last_layer, lines), use, *style.import_edits]


def _block_around(addition: cst.CSTNode, source: Source) -> Block | None:
    definition = source.class_around(addition)
    init = source.constructor_around(addition)
    if definition is None or init is None or _in_loop(addition, source):
        return None
    last = _last_setter(init)
    return Block(definition, init, last) if last is not None else None


def _last_setter(init: cst.FunctionDef) -> cst.CSTNode | None:
    """The last top-level statement of a constructor that sets attributes, before the initialisation of weights."""
    return next((statement for statement in reversed(init.body.body) if _sets_attributes(statement)), None)


def _sets_attributes(statement: cst.CSTNode) -> bool:
    """Whether a statement sets an attribute; for an `if`, whether its branches do only this."""
    if isinstance(statement, cst.If):
        otherwise = statement.orelse
        rest = otherwise is None or _sets_attributes(otherwise)
        return rest and all(_sets_attributes(line) for line in statement.body.body)
    if isinstance(statement, cst.Else):
        return all(_sets_attributes(line) for line in statement.body.body)
    parts = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
    return any(isinstance(target, cst.Attribute) for part in parts for target in _targets(part))


def _targets(part: cst.CSTNode) -> list[cst.BaseExpression]:
    """The targets of an assignment."""
    if isinstance(part, cst.Assign):
        return [target for assigned in part.targets for target in elements(assigned.target)]
    return [part.target] if isinstance(part, cst.AnnAssign) and part.value is not None else []


def _in_loop(addition: cst.CSTNode, source: Source) -> bool:
    """Whether an addition is in a loop, where one projection cannot serve every iteration."""
    for above in source.above(addition):
        if isinstance(above, (cst.For, cst.While)):
            return True
        if isinstance(above, cst.FunctionDef):
            return False
    return False


def _layers(
    p: Projection, numbers: Numbers, block: Block, style: Style, source: Source, sources: Sources
) -> tuple[str, ...]:
    """The calls that construct the projection: the layer, and a normalization as in the branch."""
    ends = f"{numbers.channels_in}, {numbers.channels_out}"
    stride = f", stride={numbers.stride}" if numbers.strides else ""
    kind, kernel = (f"Conv{p.axes}d", f", kernel_size=1{stride}") if p.axes > 0 else ("Linear", "")
    chosen = _chosen_by_setting(p.branch[-1], Scope(block.init, source, sources))
    layer = f"{chosen or style.layer(kind)}({ends}{kernel}, bias=False)"
    norm = _norm(p, numbers, block, source, sources)
    return (layer, norm) if norm is not None else (layer,)


def _chosen_by_setting(site: Site, scope: Scope) -> str | None:
    """The expression for a layer's class that depends on a setting: `CONV[spatial_dims]`, `getattr(nn, name)`."""
    callee = scope.callee(site)
    if callee is None:
        return None
    expression = cst.parse_expression(callee)
    value = assigned_once(callee, scope.function) if isinstance(expression, cst.Name) else expression
    getattr_call = m.Call(func=m.Name("getattr"))
    return callee if value is not None and m.matches(value, m.Subscript() | getattr_call) else None


def _norm(p: Projection, numbers: Numbers, block: Block, source: Source, sources: Sources) -> str | None:
    """The call that constructs a normalization like the last one of the branch, for the projection's channels."""
    if p.norm is None:
        return None
    callee, step = Scope(block.init, source, sources).callee(p.norm), sources.step(p.norm, 0)
    if callee is None or step is None:
        return None
    counted = argument_of(step.call, layer_parameters(step.call.func) or ("num_features",), "num_groups")
    if counted is not None:
        return f"{callee}({step.source.code(counted.value)}, {numbers.channels_out})"
    return f"{callee}({numbers.channels_out})"


def _definition(target: str, numbers: Numbers, layers: tuple[str, ...], style: Style) -> list[str]:
    """The statements that assign the projection to `target`, or an identity if none is needed."""
    built = _built(layers, style)
    assigned = [f"{target} = {built[0]}", *built[1:]]
    if numbers.condition is None:
        return assigned
    return [
        f"{target} = {style.layer('Identity')}()",
        f"if {numbers.condition}:",
        *(style.indent + line for line in assigned),
    ]


def _built(layers: tuple[str, ...], style: Style) -> list[str]:
    if len(layers) == 1:
        return [layers[0]]
    return [f"{style.layer('Sequential')}(", *(f"{style.indent}{layer}," for layer in layers), ")"]


def _made_when_none(
    block: Block, numbers: Numbers, layers: tuple[str, ...], style: Style, source: Source
) -> Iterator[list[TextEdit]]:
    """A block with a shortcut parameter constructs its own projection if it is None."""
    for statement in block.init.body.body:
        name = _taken_over(statement, block.init)
        if name is None or numbers.condition is None:
            continue
        condition = f"({numbers.condition})" if " or " in numbers.condition else numbers.condition
        built = _built(layers, style)
        lines = [f"if {name} is None and {condition}:", f"{style.indent}{name} = {built[0]}"]
        lines += [style.indent + line for line in built[1:]]
        yield [source.lines_before(statement, lines), *style.import_edits]


def _made_in_place(
    own: str | None, block: Block, numbers: Numbers, layers: tuple[str, ...], style: Style, source: Source
) -> Iterator[list[TextEdit]]:
    """Replace a shortcut that is the identity in every instance (`self.shortcut = nn.Identity()`) by a projection."""
    if own is None or not all(is_plain(value, source) for value in values_of(own, block.init)):
        return
    for statement in block.init.body.body:
        if len(values_of(own, statement)) == 1:
            lines = _definition(f"self.{own}", numbers, layers, style)
            yield [
                source.lines_after(statement, lines if numbers.condition is None else lines[1:]),
                *style.import_edits,
            ]


def _taken_over(statement: cst.CSTNode, init: cst.FunctionDef) -> str | None:
    """The name in `self.downsample = downsample`, if it is a parameter with default None."""
    optional = {
        p.name.value
        for p in (*init.params.params, *init.params.kwonly_params)
        if isinstance(p.default, cst.Name) and p.default.value == "None"
    }
    if not isinstance(statement, cst.SimpleStatementLine):
        return None
    for part in statement.body:
        if isinstance(part, cst.Assign) and isinstance(part.value, cst.Name) and part.value.value in optional:
            target = part.targets[0].target
            if isinstance(target, cst.Attribute) and SHORTCUT_ATTRIBUTE.search(part.value.value):
                return part.value.value
    return None


def sent_through(
    name: str, addition: cst.CSTNode, operand: int, source: Source, optional: bool = False
) -> TextEdit | None:
    """The edit that passes an operand of an addition through `self.<name>`; `optional`: unless it is None."""

    def through(expression: cst.BaseExpression) -> str:
        code = source.code(expression)
        call = f"self.{name}" + (code if expression.lpar else f"({code})")  # reuse its parentheses
        return f"({call} if self.{name} is not None else {code})" if optional else call

    operands = operands_of(addition)
    if operand >= len(operands):
        return None
    line = addition.body[0] if isinstance(addition, cst.SimpleStatementLine) else addition
    if isinstance(line, cst.AugAssign) and operand == 0:
        target, value = source.code(line.target), source.code(line.value)
        return source.replaced(line, f"{target} = {through(line.target)} + {bracketed(value, PRODUCT)}")
    return source.replaced(operands[operand], through(operands[operand]))


def _free_name(block: Block, source: Source) -> str:
    """A name for the projection that is unused in the class, preferably one that the file uses elsewhere."""
    taken = _names_taken(block.definition, source)
    familiar = [name for name in MODULES if re.search(rf"\bself\.{name}\b", source.text)]
    numbered = (f"shortcut{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain(familiar, MODULES, numbered) if name not in taken)


def _names_taken(definition: cst.ClassDef, source: Source) -> set[str]:
    """The attributes and methods of a class, and of its base classes in the same file."""
    classes = {
        statement.name.value: statement for statement in source.module.body if isinstance(statement, cst.ClassDef)
    }
    family = [definition]
    for member in family:  # grows as bases are found
        bases = (classes.get(source.code(base.value)) for base in member.bases)
        family += [base for base in bases if base is not None and base not in family]
    taken = set[str]()
    for member in family:
        taken |= class_attributes(member) | set(re.findall(r"\bself\.(\w+)", source.code(member)))
        taken |= {
            member.name.value for member in member.body.body if isinstance(member, (cst.FunctionDef, cst.ClassDef))
        }
    return taken
