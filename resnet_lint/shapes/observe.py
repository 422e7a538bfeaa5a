"""What the traces of a file show of mistakes that raise nothing: the observations for the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ..observed import Observed
from .discarded import discarded_results, unread_identities
from .joins import cut_shortcuts, growing_additions, second_additions, self_additions
from .overwritten import changes_before_use
from .registry import repeated_modules, shared_norms, unregistered_modules
from .seen import Seen
from .wrong_operator import wrong_operators

_LOOK_FOR: Sequence[Callable[[Seen], Iterator[Observed]]] = (
    growing_additions,
    self_additions,
    changes_before_use,
    wrong_operators,
    discarded_results,
    unread_identities,
    second_additions,
    cut_shortcuts,
    unregistered_modules,
    repeated_modules,
    shared_norms,
)


def observe(traces: Iterable[Seen]) -> tuple[Observed, ...]:
    """All observations, each once. A trace that ended early shows nothing for certain."""
    found = (each for seen in traces if seen.trace.complete for look in _LOOK_FOR for each in look(seen))
    return tuple(dict.fromkeys(found))
