"""Puts a projection on the shortcut: a 1x1 convolution with the branch's stride, or a linear layer, in `__init__`.

The channels and the stride are the user's own expressions where the constructor has them, else the attributes of the
branch's layers (`self.conv1.in_channels`), else numbers. A block that also works for equal shapes gets the projection
under a condition, so that its other uses keep their behaviour, parameters and state-dict keys.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from ..records import Finding, Projection, Site
from .expressions import Scope
from .names import class_attributes, names_bound_in
from .signatures import argument_of, layer_parameters
from .source import Source, Sources, TextEdit
from .style import Style

_NAMES = ("shortcut", "downsample", "projection", "proj", "skip")
_SHORTCUT = re.compile("downsample|shortcut|proj|skip")
_NUMBER = re.compile(r"\(?[\d, ]+\)?")


@dataclass(frozen=True)
class Numbers:
    """The channels in and out and the stride of a projection, as source; `unit` is the stride that changes nothing.

    `needed` is true where every instance of the block needs the projection.
    """

    channels_in: str
    channels_out: str
    stride: str
    unit: str = "1"
    needed: bool = False

    @property
    def strides(self) -> bool:
        return self.stride != self.unit

    @property
    def condition(self) -> str | None:
        """When a projection is needed; None where it always is, or the numbers stand fixed."""
        if self.needed:
            return None
        parts = []
        if self.strides and not _NUMBER.fullmatch(self.stride):
            parts.append(f"{_in_brackets(self.stride)} != {self.unit}")
        if self.channels_in != self.channels_out and not self._fixed_channels:
            parts.append(f"{_in_brackets(self.channels_in)} != {_in_brackets(self.channels_out)}")
        return " or ".join(parts) or None

    @property
    def _fixed_channels(self) -> bool:
        return all(_NUMBER.fullmatch(text) for text in (self.channels_in, self.channels_out))


def _in_brackets(code: str) -> str:
    """An expression that binds more loosely than a comparison, in brackets."""
    return f"({code})" if re.search(r"\b(if|or|and|not|lambda)\b|[<>=]", code) else code


def _unless_one(code: str) -> str:
    """`stride` for `1 if use_aa else stride`: where the layer leaves the stride to another, a shortcut still has it."""
    found = re.fullmatch(r"1 if \w+ else (\w+)|(\w+) if \w+ else 1", code)
    return (found[1] or found[2]) if found is not None else code


@dataclass(frozen=True)
class Block:
    """The class whose forward holds the addition: its constructor, and where in it the layers end."""

    definition: cst.ClassDef
    init: cst.FunctionDef
    last_layer: cst.CSTNode


def projections(finding: Finding, source: Source, sources: Sources) -> Iterator[list[TextEdit]]:
    """The ways to project the shortcut, the best one first: edits of `source`, not verified."""
    projection = finding.mend.projection if finding.mend is not None else None
    addition = next((node for node in source.at(finding.span)), None)
    block = _block_around(addition, source) if addition is not None else None
    if projection is None or addition is None or block is None:
        return
    for numbers in _numbers(projection, block, source, sources):
        if projection.conditional and numbers.condition is None:
            continue
        style = Style(source)
        layers = _layers(projection, numbers, block, style, source, sources)
        yield from _passed_on(block, source)
        yield from _condition_widened(block, numbers, source)
        yield from _made_when_none(block, numbers, layers, style, source)
        name = _free_name(block, source)
        use = _use(addition, projection.operand, name, source)
        if use is not None:
            lines = _definition(f"self.{name}", numbers, layers, style)
            yield [source.lines_after(block.last_layer, lines), use, *style.import_edits]


def _block_around(addition: cst.CSTNode, source: Source) -> Block | None:
    definition = source.class_around(addition)
    init = _method(definition, "__init__") if definition is not None else None
    if definition is None or init is None or _in_loop(addition, source):
        return None
    last = _last_setter(init)
    return Block(definition, init, last) if last is not None else None


def _last_setter(init: cst.FunctionDef) -> cst.CSTNode | None:
    """The last top-level statement of a constructor that sets attributes; what initialises weights comes after it."""
    return next((statement for statement in reversed(init.body.body) if _sets_attributes(statement)), None)


def _sets_attributes(statement: cst.CSTNode) -> bool:
    """Whether a simple statement sets an attribute; of an `if`, whether its branches do nothing else."""
    if isinstance(statement, cst.If):
        otherwise = statement.orelse
        rest = otherwise is None or _sets_attributes(otherwise)
        return rest and all(_sets_attributes(line) for line in statement.body.body)
    if isinstance(statement, cst.Else):
        return all(_sets_attributes(line) for line in statement.body.body)
    parts = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
    return any(isinstance(target, cst.Attribute) for part in parts for target in _targets(part))


def _targets(part: cst.CSTNode) -> list[cst.BaseExpression]:
    """What a small statement assigns to."""
    if isinstance(part, cst.Assign):
        return [each.target for each in part.targets]
    return [part.target] if isinstance(part, cst.AnnAssign) and part.value is not None else []


def _method(definition: cst.ClassDef, name: str) -> cst.FunctionDef | None:
    body = definition.body.body
    return next((m for m in body if isinstance(m, cst.FunctionDef) and m.name.value == name), None)


def _in_loop(addition: cst.CSTNode, source: Source) -> bool:
    """One projection cannot serve every round of a loop."""
    for above in source.above(addition):
        if isinstance(above, (cst.For, cst.While)):
            return True
        if isinstance(above, cst.FunctionDef):
            return False
    return False


# --- the numbers ------------------------------------------------------------------------------------------------------


def _numbers(projection: Projection, block: Block, source: Source, sources: Sources) -> Iterator[Numbers]:
    found = [
        _as_expressions(projection, Scope(block.init, source, sources)),
        _as_attributes(projection),
        _as_numbers(projection),
    ]
    yield from dict.fromkeys(numbers for numbers in found if numbers is not None)


def _giving(projection: Projection, index: int) -> Site | None:
    """The layer of the branch that takes the shortcut's channels (0), or gives the branch's (1)."""
    wanted = projection.channels[index]
    sites = projection.branch if index == 0 else projection.branch[::-1]
    return next((site for site in sites if site.channels is not None and site.channels[index] == wanted), None)


def _strided(projection: Projection) -> list[Site]:
    return [site for site in projection.branch if site.stride and max(site.stride) > 1]


def _as_expressions(p: Projection, scope: Scope) -> Numbers | None:
    unit = "features" if p.axes == 0 else "channels"
    ends = []
    for index, argument in ((0, f"in_{unit}"), (1, f"out_{unit}")):
        site = _giving(p, index)
        text = scope.argument(site, argument) if site is not None else None
        if text is None:
            return None
        ends.append(text)
    stride = _stride_expression(p, scope)
    if stride is None:
        return None
    # A stride that is a number is that of every instance, unless there are some that work without a projection.
    needed = not p.conditional and stride != "1" and _NUMBER.fullmatch(stride) is not None
    return Numbers(ends[0], ends[1], stride, needed=needed)


def _stride_expression(p: Projection, scope: Scope) -> str | None:
    if not any(step > 1 for step in p.stride):
        # This instance does not stride; another may, if the constructor says so.
        texts = {scope.argument(site, "stride") for site in p.branch if site.calls} - {None}
        named = [text for text in texts if text is not None and not _NUMBER.fullmatch(text)]
        return _unless_one(named[0]) if len(named) == 1 else "1"
    if not _is_by_layers(p):
        return _stride_number(p)
    texts_in_order = [scope.argument(site, "stride") for site in _strided(p)]
    if None in texts_in_order:
        return None
    return " * ".join(_unless_one(text) for text in texts_in_order if text is not None)


def _is_by_layers(p: Projection) -> bool:
    """Whether the strides of the branch's layers are all of its stride; else, a pooling layer does the rest."""
    steps = [site.stride for site in _strided(p)]
    return all(len(each) == len(p.stride) for each in steps) and p.stride == tuple(
        math.prod(along) for along in zip(*steps, strict=True)
    )


def _stride_number(p: Projection) -> str:
    if not p.stride:
        return "1"
    return str(p.stride[0]) if len(set(p.stride)) == 1 else str(p.stride)


def _as_attributes(p: Projection) -> Numbers | None:
    unit = "features" if p.axes == 0 else "channels"
    first, last, strided = _giving(p, 0), _giving(p, 1), _strided(p)
    if first is None or last is None or len(strided) > 1:
        return None
    stride = f"{_attribute(strided[0])}.stride" if strided else "1"
    unit_stride = f"({', '.join(['1'] * p.axes)}{',' if p.axes == 1 else ''})" if strided else "1"
    return Numbers(f"{_attribute(first)}.in_{unit}", f"{_attribute(last)}.out_{unit}", stride, unit_stride)


def _attribute(site: Site) -> str:
    """`self.body[0]` for the layer at `body.0`."""
    return "self." + re.sub(r"\.(\d+)", r"[\1]", site.name)


def _as_numbers(p: Projection) -> Numbers:
    return Numbers(str(p.channels[0]), str(p.channels[1]), _stride_number(p))


# --- the source -------------------------------------------------------------------------------------------------------


def _layers(
    p: Projection, numbers: Numbers, block: Block, style: Style, source: Source, sources: Sources
) -> tuple[str, ...]:
    """The calls that make up the projection: the layer, and the branch's kind of normalisation after it."""
    ends = f"{numbers.channels_in}, {numbers.channels_out}"
    if p.axes == 0:
        return (f"{style.layer('Linear')}({ends})",)
    stride = f", stride={numbers.stride}" if numbers.strides else ""
    layer = f"{style.layer(f'Conv{p.axes}d')}({ends}, kernel_size=1{stride}, bias=False)"
    norm = _norm(p, numbers, block, source, sources)
    return (layer, norm) if norm is not None else (layer,)


def _norm(p: Projection, numbers: Numbers, block: Block, source: Source, sources: Sources) -> str | None:
    """The branch's last normalisation, for the projection's channels."""
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
    """The statements that build the projection in `target`, or an identity where none is needed."""
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
    """A block that takes its shortcut from its caller makes its own when it gets None."""
    for statement in block.init.body.body:
        name = _taken_over(statement, block.init)
        if name is None or numbers.condition is None:
            continue
        condition = f"({numbers.condition})" if " or " in numbers.condition else numbers.condition
        built = _built(layers, style)
        lines = [f"if {name} is None and {condition}:", f"{style.indent}{name} = {built[0]}"]
        lines += [style.indent + line for line in built[1:]]
        yield [source.lines_before(statement, lines), *style.import_edits]


def _passed_on(block: Block, source: Source) -> Iterator[list[TextEdit]]:
    """A shortcut that the constructor takes and forgets (`self.downsample = None`) is kept."""
    for statement in block.init.body.body:
        for name, value in _shortcuts_set(statement):
            if isinstance(value, cst.Name) and value.value == "None" and name in names_bound_in(block.init):
                yield [source.replaced(value, name)]


def _condition_widened(block: Block, numbers: Numbers, source: Source) -> Iterator[list[TextEdit]]:
    """The condition under which the constructor builds its own shortcut is widened to all shapes that need one."""
    for statement in block.init.body.body:
        if not isinstance(statement, cst.If) or numbers.condition is None:
            continue
        if not any(True for line in statement.body.body for _ in _shortcuts_set(line)):
            continue
        given = [source.code(part) for part in _conjuncts(statement.test) if "is not None" in source.code(part)]
        own = f"({numbers.condition})" if given and " or " in numbers.condition else numbers.condition
        yield [source.replaced(statement.test, " and ".join([*given, own]))]


def _conjuncts(test: cst.BaseExpression) -> list[cst.BaseExpression]:
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        return [*_conjuncts(test.left), *_conjuncts(test.right)]
    return [test]


def _shortcuts_set(statement: cst.CSTNode) -> Iterator[tuple[str, cst.BaseExpression]]:
    """The attributes of self with a shortcut's name that a simple statement sets, and their values."""
    for part in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
        target = part.targets[0].target if isinstance(part, cst.Assign) else None
        if isinstance(part, cst.Assign) and isinstance(target, cst.Attribute) and _SHORTCUT.search(target.attr.value):
            yield target.attr.value, part.value


def shortcut_used(finding: Finding, source: Source, sources: Sources) -> Iterator[list[TextEdit]]:
    """The edit that sends the shortcut through the module that the block has for it: not verified."""
    mend = finding.mend
    addition = next(iter(source.at(finding.span)), None)
    if mend is None or mend.flag is None or mend.projection is None or addition is None:
        return
    use = _use(addition, mend.projection.operand, mend.flag, source)
    if use is not None:
        optional = _use(addition, mend.projection.operand, mend.flag, source, optional=True)
        yield from ([edit] for edit in (use, optional) if edit is not None)


def _taken_over(statement: cst.CSTNode, init: cst.FunctionDef) -> str | None:
    """The name in `self.downsample = downsample`, for a shortcut that is a parameter with the default None."""
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
            if isinstance(target, cst.Attribute) and re.search("downsample|shortcut|proj|skip", part.value.value):
                return part.value.value
    return None


def _use(addition: cst.CSTNode, operand: int, name: str, source: Source, optional: bool = False) -> TextEdit | None:
    """The edit that sends the shortcut operand of the addition through the projection, if it is not None."""

    def through(expression: cst.BaseExpression) -> str:
        code = source.code(expression)
        call = f"self.{name}" + (code if expression.lpar else f"({code})")  # its own parentheses do for the call
        return f"({call} if self.{name} is not None else {code})" if optional else call

    if isinstance(addition, cst.BinaryOperation):
        side = addition.left if operand == 0 else addition.right
        return source.replaced(side, through(side))
    if isinstance(addition, cst.SimpleStatementLine) and isinstance(addition.body[0], cst.AugAssign):
        addition = addition.body[0]
    if isinstance(addition, cst.AugAssign):
        if operand == 1:
            return source.replaced(addition.value, through(addition.value))
        target, value = source.code(addition.target), source.code(addition.value)
        return source.replaced(addition, f"{target} = {through(addition.target)} + {value}")
    if isinstance(addition, cst.Call):
        operands: list[cst.BaseExpression] = [argument.value for argument in addition.args]
        if isinstance(addition.func, cst.Attribute) and len(operands) == 1:
            operands.insert(0, addition.func.value)
        if operand < len(operands):
            return source.replaced(operands[operand], through(operands[operand]))
    return None


def _free_name(block: Block, source: Source) -> str:
    """A name for the projection: one that the file uses elsewhere, and that this class has not given away."""
    taken = _names_taken(block.definition, source)
    familiar = [name for name in _NAMES if re.search(rf"\bself\.{name}\b", source.text)]
    numbered = (f"shortcut{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain(familiar, _NAMES, numbered) if name not in taken)


def _names_taken(definition: cst.ClassDef, source: Source) -> set[str]:
    """The attributes and methods of a class, and of its base classes in the same file."""
    classes = {each.name.value: each for each in source.module.body if isinstance(each, cst.ClassDef)}
    family = [definition]
    for each in family:  # grows as bases are found
        bases = (classes.get(source.code(base.value)) for base in each.bases)
        family += [base for base in bases if base is not None and base not in family]
    taken = set[str]()
    for each in family:
        taken |= class_attributes(each) | set(re.findall(r"\bself\.(\w+)", source.code(each)))
        taken |= {member.name.value for member in each.body.body if isinstance(member, (cst.FunctionDef, cst.ClassDef))}
    return taken
