"""Finds residual branches that end in a drop path and are not added to anything.

A drop path (stochastic depth, Huang et al. 2016) sets the whole residual branch of a sample to zero. Only the addition
of the shortcut leaves something of the sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..shared.vocabulary import words_in
from .model import Model
from .module_call import ModuleCall
from .residuals import depends_on


def drop_paths_not_added(model: Model) -> Iterator[tuple[ModuleCall, ModuleCall, ModuleCall]]:
    """Blocks, their drop paths whose result is not added, and one of the same forward whose result is."""
    reported: set[type] = set()
    for block, calls in _by_block(model).items():
        added = [call for call in calls if _is_added(call, model)]
        for call in calls if added and type(block.module) not in reported else ():
            if call not in added and not _is_skipped(call, added, block, model):
                reported.add(type(block.module))
                yield block, call, added[0]


def _by_block(model: Model) -> dict[ModuleCall, list[ModuleCall]]:
    """The drop paths that each block calls in its own forward."""
    own: dict[ModuleCall, list[ModuleCall]] = {}
    for call in model.calls:
        block, caller = call.parent, call.caller
        if block is not None and caller is not None and caller.code is block.code and _is_drop_path(call):
            own.setdefault(block, []).append(call)
    return own


def _is_drop_path(call: ModuleCall) -> bool:
    """Whether a module is a drop path, which may be switched off: `self.drop_path1 = nn.Identity()`."""
    attribute = next((part for part in reversed(call.path.split(".")) if not part.isdigit()), "")
    return any(names <= words_in(name) for name in (attribute, type(call.module).__name__) for names in _NAMES)


_NAMES = ({"drop", "path"}, {"droppath"}, {"stochastic", "depth"})


def _is_added(call: ModuleCall, model: Model) -> bool:
    """Whether the result of a call is joined with a tensor that does not depend on it, before the next layer.

    A longer or shorter tensor that it is concatenated with, such as the patches beside a class token, is no shortcut.
    """
    results = model.results.get(call, ())
    waiting = list(results)
    for node in waiting:  # grows as it is followed
        for user in node.users:
            operands = user.sources if user.kind == "addition" else user.activations  # also to learned queries
            others = [other for other in operands if other is not node]
            beside = [other for other in others if user.kind != "concatenation" or other.shape == node.shape]
            if any(not depends_on(other, result) for other in beside for result in results):
                return True
            if not others and not user.learned:
                waiting.append(user)
    return not waiting


def _is_skipped(call: ModuleCall, added: Sequence[ModuleCall], block: ModuleCall, model: Model) -> bool:
    """Whether a skip connection of the block leads around a call and further layers, and ends in no drop path."""
    ends = {node for other in added for node in model.results.get(other, ())}
    results = set(model.results.get(call, ()))
    return any(
        residual.branch not in ends
        and block in residual.addition.known_call.with_callers()
        and not results.isdisjoint(residual.branch_path)
        for residual in model.residuals
    )
