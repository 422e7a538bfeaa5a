"""Finds the user's own expression for an argument of a layer: `planes * self.expansion`, not 256.

A layer is built by a call in a helper, that is called in the block's constructor, that is called in the model's, and so
on. The argument's expression is followed outward through these calls: a name that is a parameter of the function stands
for what the next call passes, until the function is reached in which the expression is to be used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import libcst as cst

from resnet_lint.shared.records.fix_plans import Site

from .bound_names import (
    assigned_once,
    class_attributes,
    hands_keywords_on,
    is_method,
    names_bound_in,
    names_in,
    parameter_names,
)
from .call_arguments import argument_of, default_of, function_parameters, site_parameters
from .source_tree import Source, Sources


@dataclass(frozen=True)
class Scope:
    """A function of the edited file: says what layers are built with in words that hold there."""

    function: cst.FunctionDef
    source: Source
    sources: Sources

    def argument(self, site: Site, name: str) -> str | None:
        """The source of a layer's argument; None where it is passed none, or this function has no words for it."""
        parameters: tuple[str, ...] | None = None
        for level in range(len(site.calls)):
            step = self.sources.step(site, level)
            if step is None:
                return None
            parameters = site_parameters(site, step.call) if parameters is None else ()
            passed = argument_of(step.call, parameters, name)
            if passed is not None:
                return _Way(site, self).said(passed.value, level)
            # A helper hands it on in its own **kwargs: its caller says it, by name.
            if (
                step.function is None
                or step.function is self.function
                or not hands_keywords_on(step.call, step.function)
            ):
                return None
        return None

    def callee(self, site: Site) -> str | None:
        """What is called to build a layer: `nn.BatchNorm2d`, `norm_layer`."""
        step = self.sources.step(site, 0)
        return _Way(site, self).said(step.call.func, 0) if step is not None else None

    def argument_beside(self, like: Site, name: str, site: Site, level: int) -> str | None:
        """The source of an argument of `like`, in this function, which holds the call `site.calls[level]`.

        A block and its shortcut are often built side by side: `block(inplanes, planes, downsample)`. There, what the
        shortcut is built with (`planes * block.expansion`) is `planes * self.expansion` inside the block.
        """
        if self._builds(like):
            return self.argument(like, name)
        for outer in range(level + 1, len(site.calls)):
            step = self.sources.step(site, outer)
            if step is None or step.function is None or step.source is not self.source:
                return None
            above = Scope(step.function, self.source, self.sources)
            expression = above.argument(like, name) if above._builds(like) else None
            if expression is not None:
                return self._inwards(expression, site, outer, level)
        return None

    def _builds(self, site: Site) -> bool:
        """Whether the function holds one of the calls that lead to a layer, and so has names for its arguments."""
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
        return said_inside(expression, step.call, step.source, inner.function)


def said_inside(expression: str, call: cst.Call, source: Source, function: cst.FunctionDef) -> str | None:
    """An expression at a call, in the words of the function that is called; None where a name is unknown there."""
    parameters = function_parameters(function, is_method(function))
    codes = {f"{source.code(call.func)}.": "self."}
    for index, passed in enumerate(call.args):
        names = (passed.keyword.value,) if passed.keyword is not None else parameters[index : index + 1]
        if passed.star == "" and names:
            codes[source.in_line(passed.value)] = names[0]
    for code, name in sorted(codes.items(), key=lambda pair: -len(pair[0])):
        expression = _replaced(expression, code, name)
    known = names_in(cst.parse_expression(expression)) - {"self"} <= parameter_names(function)
    return expression if known else None


@dataclass(frozen=True)
class _Way:
    """The way from the call that builds a layer outward to a scope; a level is how many calls out one stands."""

    site: Site
    scope: Scope

    def said(self, expression: cst.BaseExpression, level: int) -> str | None:
        """An expression at a level, in the words of the scope."""
        step = self.scope.sources.step(self.site, level)
        if step is None or step.function is None:
            return None
        if step.source is self.scope.source and step.function is self.scope.function:
            return step.source.in_line(expression)
        replacements: dict[str, str] = {}
        for name in sorted(names_in(expression)):
            value: str | None
            if name == "self":
                value = self._class_of_self(expression, step.function, level)
            elif name in names_bound_in(step.function):
                value = self._value_of(name, step.function, level)
            else:
                value = name if step.source is self.scope.source or _is_common(name) else None
            if value is None:
                return None
            replacements[name] = value
        return _with(step.source.in_line(expression), replacements)

    def _class_of_self(self, expression: cst.BaseExpression, function: cst.FunctionDef, level: int) -> str | None:
        """What stands for `self` where the object is made: the class itself, if only its own attributes are read."""
        here, outer = self.scope.sources.step(self.site, level), self.scope.sources.step(self.site, level + 1)
        definition = here.source.class_around(function) if here is not None else None
        if here is None or outer is None or definition is None or function.name.value != "__init__":
            return None
        read = set(re.findall(r"\bself\.(\w+)", here.source.code(expression)))
        if not read or not read <= class_attributes(definition):
            return None
        return self.said(outer.call.func, level + 1)

    def _value_of(self, name: str, function: cst.FunctionDef, level: int) -> str | None:
        """What a parameter or a local name of the function at a level stands for."""
        local = assigned_once(name, function)
        if name not in parameter_names(function):
            return self.said(local, level) if local is not None else None
        outer = self.scope.sources.step(self.site, level + 1)
        if local is not None or outer is None:
            return None
        passed = argument_of(outer.call, function_parameters(function, is_method(function)), name)
        if passed is not None:
            return self.said(passed.value, level + 1)
        default = default_of(function, name)
        simple = isinstance(default, (cst.Integer, cst.Name, cst.Tuple))
        return cst.Module([]).code_for_node(default) if default is not None and simple else None


def _is_common(name: str) -> bool:
    """Names that mean the same in every file."""
    return name in ("nn", "torch", "int", "max", "min", "round")


def _with(code: str, replacements: dict[str, str]) -> str:
    for name, value in replacements.items():
        simple = re.fullmatch(r"[\w.]+|\(.*\)|[\w.]+\([^()]*\)", value) is not None
        code = _replaced(code, name, value if simple or code == name else f"({value})")
    return code


def _replaced(code: str, part: str, value: str) -> str:
    """The code with another text for a name or an expression; a part that ends in a dot goes on behind it."""
    end = "" if part.endswith(".") else r"(?!\w)"
    return re.sub(rf"(?<![\w.]){re.escape(part)}{end}", value.replace("\\", r"\\"), code)
