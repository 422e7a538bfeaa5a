"""Traces a model with guessed inputs until they fit, and decides which of its faults can be trusted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from itertools import islice

from torch import nn

from resnet_lint.graph.fault import Fault
from resnet_lint.graph.feature_axes import is_map
from resnet_lint.graph.node import Node
from resnet_lint.graph.residuals import depends_on, path_between
from resnet_lint.graph.source_places import Project
from resnet_lint.graph.trace import Trace
from resnet_lint.graph.unused_numbers import unused_number
from resnet_lint.shared.records.places import Shape, Span

from .better_inputs import blames_inputs, flattened_map, refined
from .guess import Guesses
from .guess_inputs import SIZES, first_guesses, guesses_at
from .search import Effort, Search
from .situation import Situation, is_models_own
from .stated_size import stated_size
from .widths_of_layers import fails_for_any_inputs

# A fault must occur at this number of sizes, because it may be caused by a single size.
_SIZES_TO_CONFIRM = 3
# The size that the strides of any encoder divide: 512 x 512.
_DIVISIBLE = SIZES[-1]
# 233 first, as a map of its size is odd at every level.
_REMAINDERS = (233, 220, *(side for side in range(221, 252) if side != 233))
_MOST_REFINEMENTS = 10
_MOST_ALIKE = 3
_SIZE_MATTERS = re.compile(r"too large|too small|[Kk]ernel size|[Pp]adding size|non-zero|output size")


def feed(
    module: nn.Module,
    project: Project,
    known: Sequence[Shape],
    effort: Effort | None = None,
    on_failure: Callable[[str], None] | None = None,
    reported: Set[Span] = frozenset(),
) -> tuple[Trace, tuple[Fault, ...]]:
    """The best trace of a module with guessed inputs, and the faults that do not depend on the inputs.

    `known` are shapes to try first, batch first. `on_failure` is called with what was tried, if no input fits and no
    fault can be trusted. `reported` is where other models fail for any input: if this one fails nowhere else, a single
    trace is enough.
    """
    search = Search(module, project, effort or Effort())
    attempts = _usual_sizes(search, known, reported)
    if search.found is None and attempts and _fails_only_at(reported, attempts[-1].trace):
        return attempts[-1].trace, attempts[-1].trace.faults
    if search.found is None and any(_joins_fail_by_size(result.trace) for result in attempts):
        attempts += _at_size(search, known, _DIVISIBLE)
        attempts += _other_remainders(search, attempts) if search.found is None else []
    own = any(_is_models_own(result) for result in attempts) or _fail_by_channels(attempts)
    if search.found is None and not own:
        search.best_first()
        attempts += _of_same_widths(search, attempts) if search.found is None else []
    elif search.found is None:
        attempts += _slightly_larger(search, attempts)
    if search.found is not None:
        return _wrong_at_stated_size(search) or (search.found, ())
    best = min(attempts, key=lambda attempt: attempt.trace.trouble)
    confirmed = _confirmed(best.trace, search, [result.trace for result in attempts if result.trace.complete])
    confirmed = confirmed or (fails_for_any_inputs(best) if not search.is_lazy else ())
    if on_failure is not None and not confirmed:
        on_failure(search.tried)
    return best.trace, confirmed


def _wrong_at_stated_size(search: Search) -> tuple[Trace, tuple[Fault, ...]] | None:
    """The trace at the image size that the model states, if it fails there for another reason than the size.

    None if it runs there, or a default may be out of date.
    """
    size, found = stated_size(search.module), search.found
    if size is None or found is None or found is search.situations[0].trace:
        return None
    guesses = first_guesses(search.module, size)
    search.attempt(guesses, size)
    stated = next((tried.trace for tried in search.situations if tried.guesses == guesses), None)
    if stated is None or not stated.complete or not all(_is_at_any_size(fault) for fault in stated.all_faults):
        return None
    return (stated, stated.all_faults) if stated.all_faults else None


def _is_at_any_size(fault: Fault) -> bool:
    """Whether a linear layer gets a map whose channels are its features, or is behind a layer without its stride.

    Images of another width run by coincidence: in the first case, the map is as wide as the layer has features. In the
    other one, they are smaller: a classifier for 4 x 4 pixels gets 8 x 8.
    """
    if fault.layer is not None and fault.layer.dimension == -1 and len(shape := fault.node.inputs[0]) == 4:
        return shape[1] == fault.layer.wanted and is_map(fault.node.sources[0])
    flattened = flattened_map(fault)
    unused = unused_number(path_between(None, flattened)) if flattened is not None else None
    return unused is not None and not unused.compared and not unused.by_default


def _fails_only_at(reported: Set[Span], attempt: Trace) -> bool:
    """Whether a complete trace fails, and in no other expressions."""
    spans = {fault.point.span for fault in attempt.all_faults}
    return attempt.complete and spans != set() and spans <= reported


def _usual_sizes(search: Search, known: Sequence[Shape], reported: Set[Span]) -> list[Situation]:
    """The best trace per size, until one has no faults, or the faults have occurred at enough sizes.

    If three fail with the same error message, the size is not the problem, and another rank is tried.
    """
    found: list[Situation] = []
    ends = Counter[str]()
    hopeless: set[tuple[int, ...]] = set()
    for guesses, size in guesses_at(search.module, known):
        ranks = tuple(len(guess.shape) for guess in guesses.values())
        if found and search.spent:
            break
        attempt = _best_refinement(search, guesses, size) if ranks not in hopeless else None
        if attempt is None:
            continue
        found.append(attempt)
        if search.found is not None or sum(result.trace.complete for result in found) >= _SIZES_TO_CONFIRM:
            break
        if _fails_only_at(reported, attempt.trace):
            break
        if not attempt.trace.complete and _SIZE_MATTERS.search(attempt.error_text) is None:
            ends[attempt.error_text] += 1
            hopeless |= {ranks} if ends[attempt.error_text] == _MOST_ALIKE else set()
    return found


def _joins_fail_by_size(attempt: Trace) -> bool:
    """Whether maps are joined whose sizes alone differ, as in a U-Net whose input does not divide by its stride."""
    joins = [fault for fault in attempt.faults if fault.kind in ("addition", "concatenation")]
    return attempt.complete and any(len({shape[2:] for shape in fault.node.inputs}) > 1 for fault in joins)


def _at_size(search: Search, known: Sequence[Shape], size: tuple[int, int]) -> list[Situation]:
    guesses = next((guesses for guesses, tried in guesses_at(search.module, known) if tried == size), None)
    attempt = _best_refinement(search, guesses, size) if guesses is not None else None
    return [attempt] if attempt is not None else []


def _other_remainders(search: Search, before: Sequence[Situation]) -> list[Situation]:
    """Traces at square sizes of every remainder, until one has no faults.

    A U-Net without padding accepts 572 x 572, and no size that its strides divide. If the first leaves the differences
    between the joined maps as they were, or they grow with the size, no size removes them.
    """
    known = {_gaps(attempt.trace) for attempt in before}
    found: list[Situation] = []
    if _gaps_grow(before):
        return found
    for side in _REMAINDERS:
        attempt = _best_refinement(search, first_guesses(search.module, (side, side)), (side, side))
        found += [attempt] if attempt is not None else []
        if search.found is not None or search.spent or not found or _gaps(found[0].trace) in known:
            break
    return found


def _gaps(attempt: Trace) -> tuple[tuple[int, ...], ...]:
    """By how much the sizes of the maps differ that are joined, for every join that fails."""
    joins = [fault for fault in attempt.faults if fault.kind in ("addition", "concatenation")]
    pairs = [fault.node.inputs[:2] for fault in joins if len(fault.node.inputs) > 1]
    return tuple(tuple(a - b for a, b in zip(left[2:], right[2:], strict=False)) for left, right in pairs)


def _slightly_larger(search: Search, attempts: Sequence[Situation]) -> list[Situation]:
    """Traces with one size larger by one, until enough sizes have been tried: not every model accepts images."""
    missing = _SIZES_TO_CONFIRM - sum(attempt.trace.complete for attempt in attempts)
    larger = (search.attempt(guesses, attempt.size) for attempt in attempts for guesses in _larger(attempt))
    tried = (attempt for attempt in larger if attempt is not None and attempt.trace.complete)
    return list(islice(tried, max(missing, 0)))


def _of_same_widths(search: Search, attempts: Sequence[Situation]) -> list[Situation]:
    """Traces with one size larger by one, for each size of a single input, if layers get the same widths in all.

    No size of the input can then be to blame for a classifier that expects 1024 features and gets 256.
    """
    attempt = next((attempt for attempt in attempts if attempt.trace.complete), None)
    if attempt is None or len(attempt.guesses) != 1 or any(fault.kind != "layer" for fault in attempt.trace.all_faults):
        return []
    larger = [search.attempt(guesses, attempt.size) for guesses in _larger(attempt)]
    tried = [result for result in larger if result is not None]
    widths = _widths(attempt.trace)
    return tried if all(result.trace.complete and _widths(result.trace) == widths for result in tried) else []


def _widths(result: Trace) -> list[tuple[Span, int | None]]:
    """Where layers fail, and how many channels or features they get."""
    return [(fault.point.span, fault.got) for fault in result.all_faults]


def _larger(attempt: Situation) -> Iterator[Guesses]:
    """The guesses of a complete trace with one axis longer by one, the batch last."""
    axes = [(name, axis) for name, guess in attempt.guesses.items() for axis in range(len(guess.shape))]
    for name, axis in sorted(axes, key=lambda place: place[1] == 0) if attempt.trace.complete else ():
        guess = attempt.guesses[name]
        shape = tuple(size + (index == axis) for index, size in enumerate(guess.shape))
        yield {**attempt.guesses, name: replace(guess, shape=shape)}


def _gaps_grow(attempts: Sequence[Situation]) -> bool:
    """Whether the maps of every failing join differ by a share of the input's size, as if a stride were missing."""
    complete = [attempt for attempt in attempts if attempt.trace.complete] or attempts
    small, large = (choose(complete, key=_sides) for choose in (min, max))
    joins = [_gaps(attempt.trace) for attempt in (small, large)]
    return (
        _sides(small) < _sides(large)
        and len(joins[0]) == len(joins[1]) > 0
        and all(
            any(_is_share(*axis) for axis in zip(*gaps, _sides(small), _sides(large), strict=False))
            for gaps in zip(*joins, strict=True)
        )
    )


def _sides(attempt: Situation) -> tuple[int, ...]:
    """The height and width of the first map among the inputs, which may have been refined; else the size tried."""
    maps = (guess.shape[2:] for guess in attempt.guesses.values() if len(guess.shape) == 4)
    return next(maps, attempt.size)


def _is_share(gap: int, gap_of_large: int, size: int, large: int) -> bool:
    """Whether a difference between maps is the same share of two input sizes, up to rounding; a crop is not."""
    return abs(gap_of_large) * 8 >= large and abs(gap / size - gap_of_large / large) * size <= 2


def _is_models_own(attempt: Situation) -> bool:
    """Whether a forward pass completed with faults that are not caused by the inputs."""
    return attempt.trace.complete and all(is_models_own(fault, attempt.module) for fault in attempt.trace.all_faults)


def _fail_by_channels(attempts: Sequence[Situation]) -> bool:
    """Whether layers get the same wrong number of channels of a map at every size, all of them from other layers."""
    complete = [attempt for attempt in attempts if attempt.trace.complete]
    return (
        len(complete) >= _SIZES_TO_CONFIRM
        and all(len(attempt.guesses) == 1 for attempt in complete)
        and all(_is_of_channels(fault) for attempt in complete for fault in attempt.trace.all_faults)
        and all(_widths(attempt.trace) == _widths(complete[0].trace) for attempt in complete)
    )


def _is_of_channels(fault: Fault) -> bool:
    """Whether a layer gets the wrong number of channels from other layers, so that the input is not to blame."""
    if fault.layer is None or fault.layer.dimension != 1 or len(fault.node.inputs[0]) < 4 or blames_inputs(fault):
        return False
    return not _reaches_input(fault.node)


def _reaches_input(node: Node) -> bool:
    """Whether channels of an input are among those of the operands of a layer: not all were made by other layers."""
    waiting, seen = list(node.activations), set[Node]()
    while waiting:
        current = waiting.pop()
        if current.kind == "input":
            return True
        if current not in seen and not _makes_channels(current):
            seen.add(current)
            waiting.extend(current.activations)
    return False


def _makes_channels(node: Node) -> bool:
    """Whether a node is a convolution, unless it keeps its channels apart, as a blur of any number of them does."""
    return node.kind == "convolution" and node.arguments.get("groups", 1) != node.known_shape[1]


def _best_refinement(search: Search, guesses: Guesses, size: tuple[int, int]) -> Situation | None:
    attempt = None
    for _ in range(_MOST_REFINEMENTS):
        after = search.attempt(guesses, size)
        if after is None:
            break
        attempt = after
        better = refined(guesses, attempt.trace, size) if search.found is None else None
        if better is None:
            break
        guesses = better
    return attempt


def _confirmed(best: Trace, search: Search, complete: Sequence[Trace]) -> tuple[Fault, ...]:
    if len(complete) < _SIZES_TO_CONFIRM or search.is_lazy:
        return ()
    shown = [fault for fault in best.faults if all(_shows(attempt, fault.point.span) for attempt in complete)]
    blamed = [fault.node for fault in best.faults if blames_inputs(fault)]  # including nodes that depend on them
    return tuple(fault for fault in shown if not any(depends_on(fault.node, node) for node in blamed))


def _shows(attempt: Trace, span: Span) -> bool:
    return any(fault.point.span == span for fault in attempt.faults)
