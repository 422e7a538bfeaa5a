"""Finds modules that their owner does not know of, and modules that it knows at two places by accident."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from typing import Any

from torch import fx, nn

from resnet_lint.graph.built_at import Built, built_of
from resnet_lint.graph.model import Seen
from resnet_lint.graph.module_call import ModuleCall
from resnet_lint.graph.residuals import depends_on
from resnet_lint.graph.source_places import Point
from resnet_lint.graph.syntax import function_of, names_bound_by, node_at, statement_at
from resnet_lint.shared.observed import SharedByAccident, Unregistered
from resnet_lint.shared.records.fix_plans import FixPlan


def unregistered_modules(seen: Seen) -> Iterator[Unregistered]:
    """Modules with parameters that ran, and that lie in a plain list, tuple or dictionary of the module that ran them.

    A list of a single module is left alone: people hide a teacher or a parent in one, so that it is not registered.
    """
    registered = {id(module) for module in seen.trace.root.modules()}
    told: set[tuple[int, str]] = set()
    for call in seen.trace.calls:
        if id(call.module) in registered or next(call.module.parameters(), None) is None:
            continue
        for outer in call.with_callers():
            held = _held(outer.module, call.module)
            built = built_of(call.module)
            if held is not None and built is not None and id(outer.module) in registered:
                name, modules = held
                if len(modules) > 1 and (id(outer.module), name) not in told:
                    told.add((id(outer.module), name))
                    yield _unregistered(seen, outer, name, modules, built)
                break


def _held(owner: nn.Module, module: nn.Module) -> tuple[str, list[nn.Module]] | None:
    """The attribute of a module that has another one in a plain container, and all modules in it."""
    for name, value in vars(owner).items():
        if isinstance(value, (list, tuple, dict)) and not name.startswith("_"):
            modules = list(_modules_in(value))
            if any(each is module for each in modules):
                return name, modules
    return None


def _modules_in(value: Any) -> Iterator[nn.Module]:
    if isinstance(value, nn.Module):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _modules_in(part)


def _unregistered(seen: Seen, owner: ModuleCall, name: str, modules: list[nn.Module], built: Built) -> Unregistered:
    held = vars(owner.module)[name]
    wrapper = "ModuleDict" if isinstance(held, dict) else "ModuleList"
    title = f"make self.{name} an nn.{wrapper}; the state dict gets its parameters"
    return Unregistered(
        **seen.place(built.point.span, owner),
        fix_plan=FixPlan("register", title, attribute=name, changes_results=True),
        attribute=name,
        holder=type(held).__name__,
        modules=len(modules),
        parameters=sum(parameter.numel() for module in modules for parameter in module.parameters()),
    )


def repeated_modules(seen: Seen) -> Iterator[SharedByAccident]:
    """Containers that hold one module several times because the list that they were made of was multiplied."""
    calls = {id(call.module): call for call in seen.trace.calls}
    told: set[Point] = set()
    for container in seen.trace.root.modules():
        if not isinstance(container, (nn.Sequential, nn.ModuleList)):
            continue
        for module, copies in Counter(container._modules.values()).items():
            built = built_of(module) if module is not None else None
            if module is None or built is None or copies < 2 or next(module.parameters(), None) is None:
                continue
            call = calls.get(id(module))
            point = next((point for point in built.chain if _in_multiplied_list(point)), None)
            if call is not None and point is not None and point not in told:
                told.add(point)
                place = seen.place(point.span, _owner_at(call, point))
                yield SharedByAccident(**place, layer=type(module).__name__, copies=copies, first=None)


def _owner_at(call: ModuleCall, point: Point) -> ModuleCall:
    """The call of the module whose constructor an expression stands in."""
    around = function_of(point.code)
    for each in call.with_callers():
        constructor = getattr(type(each.module).__init__, "__code__", None)
        if constructor is not None and function_of(constructor) is around:
            return each
    return call


def _in_multiplied_list(point: Point) -> bool:
    """Whether an expression stands in a list that is multiplied, or its statement binds a name that does."""
    function, statement = function_of(point.code), statement_at(point)
    if function is None or statement is None:
        return False
    made = node_at(point)
    names = names_bound_by(statement) if isinstance(statement, ast.Assign) and statement.value is made else frozenset()
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for side in (node.left, node.right):
                parts = side.elts if isinstance(side, ast.List) else []
                if any(part is made or (isinstance(part, ast.Name) and part.id in names) for part in parts):
                    return True
    return False


def shared_norms(seen: Seen) -> Iterator[SharedByAccident]:
    """A batch normalisation that one forward applies, in two places one behind the other, after different layers."""
    uses: dict[tuple[int, ModuleCall], list[ModuleCall]] = {}
    for call in seen.trace.calls:
        if isinstance(call.module, nn.modules.batchnorm._BatchNorm) and call.parent is not None and call.inputs:
            uses.setdefault((id(call.module), call.parent), []).append(call)
    for (_, parent), calls in uses.items():
        first, second = calls[0], calls[1] if len(calls) > 1 else calls[0]
        if first.caller == second.caller or first.caller is None or second.caller is None:
            continue
        layers = [_layer_before(call.inputs[0]) for call in (first, second)]
        if None in layers or layers[0] == layers[1] or not depends_on(second.inputs[0], first.inputs[0]):
            continue
        owner = seen.caller_at(second, second.caller)
        line = first.caller.span.start.line
        place = seen.place(second.caller.span, owner)
        yield SharedByAccident(**place, layer=second.relative_path(parent), copies=len(calls), first=line)


def _layer_before(node: fx.Node) -> int | None:
    call: ModuleCall | None = node.meta["call"]
    return id(call.module) if call is not None and call.is_torchs else None
