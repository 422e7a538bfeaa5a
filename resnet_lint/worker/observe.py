"""What the traces of a file show of mistakes that raise nothing: the observations for the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress

from ..graph.joins import growing_additions, one_channel_shortcuts, second_additions, self_additions
from ..graph.model import Seen
from ..graph.unused import never_read, never_used
from ..shared.observed import Observed
from .finders.cut import cut_shortcuts
from .finders.discarded import discarded_results
from .finders.layout import attention_over_batch, codes_per_sample, scrambled_axes
from .finders.overwritten import changes_before_use
from .finders.registry import repeated_modules, shared_norms, unregistered_modules
from .finders.skipless import plain_chains, unread_identities
from .finders.wrong_operator import wrong_operators
from .process.limits import TimeUp
from .tracer.other_batch import batch_traps
from .tracer.training_step import is_worth_a_step, refused_changes, steps

_LOOK_FOR: Sequence[Callable[[Seen], Iterator[Observed]]] = (
    growing_additions,
    one_channel_shortcuts,
    self_additions,
    changes_before_use,
    wrong_operators,
    discarded_results,
    unread_identities,
    plain_chains,
    second_additions,
    cut_shortcuts,
    unregistered_modules,
    repeated_modules,
    shared_norms,
    codes_per_sample,
    scrambled_axes,
)


def observe(traces: Sequence[Seen], time_left: AbstractContextManager[None]) -> tuple[Observed, ...]:
    """All observations, each once. A trace that ended early shows nothing for certain.

    Steps of training are tried inside `time_left`, which raises TimeUp when it is over.
    """
    complete = [seen for seen in traces if seen.trace.complete]
    found = [each for seen in complete for look in _LOOK_FOR for each in look(seen)]
    found.extend(never_read(complete))
    with suppress(TimeUp), time_left:
        found.extend(_practise(complete))
    return tuple(dict.fromkeys(found))


def _practise(traces: Sequence[Seen]) -> Iterator[Observed]:
    """What steps of training show: for each trace that has a class of module in it that no earlier one had."""
    known: set[type] = set()
    untrained = []
    for seen in traces:
        classes = {type(call.module) for call in seen.trace.calls if not call.is_torchs}
        if classes <= known or seen.trace.faults or seen.trace.is_real:
            continue
        known |= classes
        yield from batch_traps(seen)
        yield from attention_over_batch(seen)
        if is_worth_a_step(seen):
            done = steps(seen)
            yield from refused_changes(seen, done)
            untrained.append((seen, done.without_gradient))
    yield from never_used(untrained)
