"""Cuts the files of a run into parts that take about equally long."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from resnet_lint.shared.errors import ConfigError
from resnet_lint.shared.records.requests import Shard

from .one_file import Wanted

_VERSION = 1

Name = tuple[str, str]
"""A file and the class in it to check, empty for all of them."""


def share_of(wanted: Sequence[Wanted], shard: Shard | None, times: Path | None) -> tuple[Wanted, ...]:
    """The files in a shard, in their order. Raises ConfigError for a damaged file of `times`.

    The shard of a file depends only on the names of all files and on `times`, so it is the same on every machine.
    """
    if shard is None:
        return tuple(wanted)
    seconds = {} if times is None else read_times(times)
    names = sorted(map(name_of, wanted))
    mine = set(balanced(names, {name: seconds.get(name[0], math.nan) for name in names}, shard.total)[shard.number - 1])
    return tuple(entry for entry in wanted if name_of(entry) in mine)


def name_of(wanted: Wanted) -> Name:
    """The name of a file in a run."""
    file, _ = wanted
    return file.display, file.only_class or ""


def balanced(names: Sequence[Name], seconds: Mapping[Name, float], parts: int) -> list[list[Name]]:
    """Cut names into parts of about the same time, the longest first into the part that is shortest so far.

    A name without a time (nan) counts as much as the median of the others.
    """
    known = [second for second in seconds.values() if not math.isnan(second)]
    usual = median(known) if known else 1.0
    cost = {name: usual if math.isnan(seconds[name]) else seconds[name] for name in names}
    cut: list[list[Name]] = [[] for _ in range(parts)]
    sums = [0.0] * parts
    for name in sorted(names, key=lambda name: (-cost[name], name)):
        shortest = min(range(parts), key=lambda part: (sums[part], len(cut[part])))
        cut[shortest].append(name)
        sums[shortest] += cost[name]
    return cut


def read_times(file: Path) -> Mapping[str, float]:
    """The seconds that files took in an earlier run, by their paths in reports. Raises ConfigError."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["version"] != _VERSION:
            raise ValueError(f"not of version {_VERSION}")
        return {str(path): float(seconds) for path, seconds in data["seconds"].items()}
    except OSError as error:
        raise ConfigError(f"--times: cannot read {file}: {error.strerror}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"--times: {file} was not written by resnet-lint merge --times: {error}") from error


def times_text(seconds: Mapping[str, float]) -> str:
    """The text of a file for `read_times`, in a stable order."""
    rounded = {path: round(seconds[path], 2) for path in sorted(seconds)}
    return json.dumps({"version": _VERSION, "seconds": rounded}, indent=1, ensure_ascii=False) + "\n"
