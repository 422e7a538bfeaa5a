"""Finds the user's own expression for an argument of a layer: `planes * self.expansion`, not 256.

A layer is constructed by a call in a helper, which is called in the block's constructor, which is called in the
model's, and so on. The expression is followed outward through these calls, replacing parameters by the arguments of the
next call, until it reaches the function where it will be used.
"""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from resnet_lint.shared.records.fix_plans import Site

from . import patterns as m
from .bound_names import (
    assigned_once,
    class_attributes,
    hands_keywords_on,
    is_method,
    names_bound_in,
    parameter_names,
)
from .call_arguments import argument_of, default_of, function_parameters, site_parameters
from .source_tree import Source, Sources, on_one_line
from .substitute import key, names_in, reads_of, renamed, substituted


@dataclass(frozen=True)
class Scope:
    """A function of the edited file, in which the arguments of layers are expressed."""

    function: cst.FunctionDef
    source: Source
    sources: Sources

    def argument(self, site: Site, name: str) -> str | None:
        """The source of a layer's argument; None if it is not passed, or cannot be expressed in this function."""
        parameters: tuple[str, ...] | None = None
        for level in range(len(site.calls)):
            step = self.sources.step(site, level)
            if step is None:
                return None
            parameters = site_parameters(site, step.call) if parameters is None else ()
            passed = argument_of(step.call, parameters, name)
            if passed is not None:
                return _Way(site, self).said(passed.value, level)
            # A helper passes it on in **kwargs, so its caller passes it by keyword.
            if (
                step.function is None
                or step.function is self.function
                or not hands_keywords_on(step.call, step.function)
            ):
                return None
        return None

    def callee(self, site: Site) -> str | None:
        """The function that is called to construct a layer: `nn.BatchNorm2d`, `norm_layer`."""
        step = self.sources.step(site, 0)
        return _Way(site, self).said(step.call.func, 0) if step is not None else None

    def argument_beside(self, like: Site, name: str, site: Site, level: int, common: int = 0) -> str | None:
        """The source of an argument of `like` in this function, which contains the call `site.calls[level]`.

        A block and its shortcut are often constructed together: `block(inplanes, planes, downsample)`. An argument of
        the shortcut there (`planes * block.expansion`) is `planes * self.expansion` inside the block. `common` is the
        first level at which both are about the same instance: `Dense(config)`, `Output(config)`.
        """
        if self.builds(like):
            return self.argument(like, name)
        for outer in range(max(level + 1, common), len(site.calls)):
            step = self.sources.step(site, outer)
            if step is None or step.function is None or step.source is not self.source:
                return None
            above = Scope(step.function, self.source, self.sources)
            expression = above.argument(like, name) if above.builds(like) else None
            if expression is not None:
                return self._inwards(expression, site, outer, level)
        return None

    def builds(self, site: Site) -> bool:
        """Whether the function contains one of the calls that construct a layer, and so has names for its arguments."""
        steps = (self.sources.step(site, level) for level in range(len(site.calls)))
        return any(step is not None and step.function is self.function for step in steps)

    def _inwards(self, expression: str | None, site: Site, outer: int, level: int) -> str | None:
        for inner in range(outer, level, -1):
            expression = self._one_call_inwards(expression, site, inner) if expression is not None else None
        return expression

    def _one_call_inwards(self, expression: str, site: Site, level: int) -> str | None:
        step, inner = self.sources.step(site, level), self.sources.step(site, level - 1)
        if step is None or inner is None or inner.function is None:
            return None
        return said_inside(expression, step.call, inner.function)


def said_inside(expression: str, call: cst.Call, function: cst.FunctionDef) -> str | None:
    """Express a caller's expression in the called function; None if a name is unknown there."""
    parameters = function_parameters(function, is_method(function))
    names: dict[str, str] = {}
    for index, passed in enumerate(call.args):
        called = (passed.keyword.value,) if passed.keyword is not None else parameters[index : index + 1]
        if passed.star == "" and called and not isinstance(passed.value, cst.BaseNumber | cst.BaseString):
            names[key(passed.value)] = called[0]
    inside = renamed(cst.parse_expression(expression), names, call.func if is_method(function) else None)
    known = names_in(inside) - {"self"} <= parameter_names(function)
    return code_of(inside) if known else None


def code_of(expression: cst.BaseExpression) -> str:
    """The code of an expression that is not in a file, on one line."""
    return on_one_line(cst.Module([]).code_for_node(expression))


@dataclass(frozen=True)
class _Way:
    """The call stack from the construction of a layer outward to a scope; a level is an index into it."""

    site: Site
    scope: Scope

    def said(self, expression: cst.BaseExpression, level: int) -> str | None:
        """Express the expression at a level in the scope."""
        step = self.scope.sources.step(self.site, level)
        if step is None or step.function is None:
            return None
        if step.source is self.scope.source and step.function is self.scope.function:
            return step.source.in_line(expression)
        values: dict[str, cst.BaseExpression] = {}
        for name in sorted(names_in(expression)):
            value = self._meaning(name, expression, step.function, level)
            if value is None:
                return None
            values[name] = cst.parse_expression(value)
        result = substituted(expression, values)
        return code_of(result) if result is not None else None

    def _meaning(self, name: str, expression: cst.BaseExpression, function: cst.FunctionDef, level: int) -> str | None:
        """The meaning of a name in an expression at a level, expressed in the scope."""
        if name == "self":
            return self._class_of_self(expression, function, level)
        if name in names_bound_in(function):
            return self._value_of(name, function, level)
        step = self.scope.sources.step(self.site, level)
        return name if _is_common(name) or (step is not None and step.source is self.scope.source) else None

    def _class_of_self(self, expression: cst.BaseExpression, function: cst.FunctionDef, level: int) -> str | None:
        """The class, in place of `self`, where the object is constructed, if only class attributes are read."""
        here, outer = self.scope.sources.step(self.site, level), self.scope.sources.step(self.site, level + 1)
        definition = here.source.class_around(function) if here is not None else None
        if here is None or outer is None or definition is None or function.name.value != "__init__":
            return None
        attributes = [
            cst.ensure_type(attribute, cst.Attribute) for attribute in m.findall(expression, _ATTRIBUTE_OF_SELF)
        ]
        mentions = [read for read in reads_of(expression) if read.node.value == "self"]
        if len(attributes) < len(mentions) or not {
            attribute.attr.value for attribute in attributes
        } <= class_attributes(definition):
            return None
        return self.said(outer.call.func, level + 1)

    def _value_of(self, name: str, function: cst.FunctionDef, level: int) -> str | None:
        """The value of a parameter or local variable of the function at a level."""
        local = assigned_once(name, function)
        if name not in parameter_names(function):
            return self.said(local, level) if local is not None else None
        if local is not None or self.scope.sources.step(self.site, level + 1) is None:
            return None
        found = self._passed(name, function_parameters(function, is_method(function)), level + 1)
        if found is not None:
            return self.said(*found)
        default = default_of(function, name)
        simple = isinstance(default, (cst.Integer, cst.Name, cst.Tuple))
        return cst.Module([]).code_for_node(default) if default is not None and simple else None

    def _passed(self, name: str, parameters: tuple[str, ...], level: int) -> tuple[cst.BaseExpression, int] | None:
        """What the call at a level, or an outer one whose function hands its keywords on, passes for a parameter."""
        step = self.scope.sources.step(self.site, level)
        passed = argument_of(step.call, parameters, name) if step is not None else None
        if passed is not None:
            return passed.value, level
        handed_on = step is not None and step.function is not None and hands_keywords_on(step.call, step.function)
        return self._passed(name, (), level + 1) if handed_on else None


def _is_common(name: str) -> bool:
    """Whether a name has the same meaning in every file."""
    return name in ("nn", "torch", "int", "max", "min", "round")


_ATTRIBUTE_OF_SELF = m.Attribute(m.Name("self"))
