"""What the traces of a file show of mistakes that raise nothing: the observations for the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ..observed import Observed
from .joins import self_additions
from .overwritten import changes_before_use
from .seen import Seen

_LOOK_FOR: Sequence[Callable[[Seen], Iterator[Observed]]] = (
    self_additions,
    changes_before_use,
)


def observe(traces: Iterable[Seen]) -> tuple[Observed, ...]:
    """All observations, each once. A trace that ended early shows nothing for certain."""
    found = (each for seen in traces if seen.trace.complete for look in _LOOK_FOR for each in look(seen))
    return tuple(dict.fromkeys(found))
