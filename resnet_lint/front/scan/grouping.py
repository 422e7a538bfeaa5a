"""Cuts the files of a scan into groups that take about equally long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from ..check.shards import Name

_MOST_FILES = 16
_MOST_SECONDS = 20.0
_USUAL_SECONDS = 2.0
_GROUPS_PER_WORKER = 4

Known = Mapping[tuple[str, str], float]
"""The seconds of an earlier check, by repository and path."""


Cut = tuple[str, tuple[str, ...], float]
"""A repository, some of its files as arguments of a check, and their expected seconds."""


def grouped(files: Mapping[str, Sequence[Name]], known: Known, workers: int) -> list[Cut]:
    """Groups of files of one repository; the longest first, so that none is left at the end.

    `files` are those of all repositories by label. A group is so small that all workers have work until the end.
    """
    usual = median(known.values()) if known else _USUAL_SECONDS
    cost = {(at, name): known.get((at, name[0]), usual) for at, names in files.items() for name in names}
    limit = min(_MOST_SECONDS, max(sum(cost.values()) / (workers * _GROUPS_PER_WORKER), usual))
    groups = []
    for at, names in files.items():
        for group in _filled(sorted(names, key=lambda name: (-cost[at, name], name)), limit, at, cost):
            groups.append((at, tuple(map(argument, group)), sum(cost[at, name] for name in group)))
    return sorted(groups, key=lambda group: -group[2])


def _filled(
    names: Sequence[Name], limit: float, at: str, cost: Mapping[tuple[str, Name], float]
) -> Iterator[list[Name]]:
    group: list[Name] = []
    seconds = 0.0
    for name in names:
        if group and (seconds + cost[at, name] > limit or len(group) == _MOST_FILES):
            yield group
            group, seconds = [], 0.0
        group.append(name)
        seconds += cost[at, name]
    if group:
        yield group


def argument(name: Name) -> str:
    """The name of a file as an argument of a check."""
    path, only_class = name
    return f"{path}::{only_class}" if only_class else path
