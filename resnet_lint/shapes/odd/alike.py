"""The proof that the additions of a class work for all sizes: both operands are the same function of its input's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import fx, nn

from ..calls import ModuleCall
from ..fault import ADDITIONS
from ..seen import Seen
from .follow import Follower
from .joins import sizes_of_inputs


def works_for_all_sizes(kind: type[nn.Module], traces: Iterable[Seen]) -> bool:
    """Whether it is proved for all additions in some traces that stand in a module of this class; of none it is not."""
    proofs = [_alike(node, call) for seen in traces for node, call in _additions(kind, seen)]
    return bool(proofs) and all(proofs)


def _additions(kind: type[nn.Module], seen: Seen) -> Iterator[tuple[fx.Node, ModuleCall]]:
    for node in seen.trace.graph.nodes:
        if node.meta.get("function") in ADDITIONS and node.meta["point"] is not None:
            owner = seen.owner(node)
            if type(owner.module) is kind:
                yield node, owner


def _alike(node: fx.Node, call: ModuleCall) -> bool:
    """Whether all axes behind the channels are known to be alike."""
    follower = Follower(sizes_of_inputs(call.inputs))
    operands = [source for source in node.all_input_nodes if source.meta["activation"] and source.meta["shape"]]
    known = [follower.sizes(operand)[2:] for operand in operands]
    return len(known) == 2 and known[0] == known[1] and len(known[0]) > 0 and None not in known[0]
