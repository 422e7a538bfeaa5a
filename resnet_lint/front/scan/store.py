"""The results of scans: Parquet files, one folder per table, partitioned by run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

import duckdb
import pyarrow
import pyarrow.parquet

from resnet_lint.shared.errors import UsageError

_FILE = "part-0.parquet"


@dataclass(frozen=True)
class Version:
    """A repository of a run: its commit, and what checked it. `problem`: why nothing of it was checked."""

    TABLE: ClassVar = "versions"
    repository: str
    commit: str | None
    tool: str
    python: str | None
    torch: str | None
    files: int
    problem: str | None


@dataclass(frozen=True)
class File:
    """A file of a run. `seconds` are those of its check, `reason` is why it is not checked, if it is not."""

    TABLE: ClassVar = "files"
    repository: str
    path: str
    digest: str | None
    seconds: float | None
    reason: str | None


@dataclass(frozen=True)
class Class:
    """An nn.Module class of a run: how it was checked, or the reason why it was not."""

    TABLE: ClassVar = "classes"
    repository: str
    path: str
    name: str
    line: int
    status: str
    how: str | None
    reason: str | None


@dataclass(frozen=True)
class FoundFinding:
    """A finding of a run. `fingerprint` is the same in all runs, also if lines move."""

    TABLE: ClassVar = "findings"
    repository: str
    path: str
    line: int
    rule: str
    name: str
    severity: str
    message: str
    module: str | None
    target: str | None
    fingerprint: str


@dataclass(frozen=True)
class FoundFix:
    """The fix of a finding. `edits` is its number of edits, 0 for a hint."""

    TABLE: ClassVar = "fixes"
    repository: str
    path: str
    fingerprint: str
    title: str
    applicability: str
    verified: bool
    edits: int


@dataclass(frozen=True)
class Time:
    """How long a run took: `started` as ISO 8601 in UTC, elapsed seconds, and the number of workers."""

    TABLE: ClassVar = "times"
    started: str
    seconds: float
    workers: int


Row = Version | File | Class | FoundFinding | FoundFix | Time
TABLES = (File, Class, FoundFinding, FoundFix, Version, Time)  # the last one makes a run complete

_TYPES: Mapping[Any, Any] = {
    str: pyarrow.string(),
    str | None: pyarrow.string(),
    int: pyarrow.int64(),
    float: pyarrow.float64(),
    float | None: pyarrow.float64(),
    bool: pyarrow.bool_(),
}


def write_run(folder: Path, run: str, rows: Sequence[Row]) -> None:
    """Write the rows of a run, all of them or none. Raises UsageError."""
    try:
        for table in TABLES:
            target = folder / table.TABLE / f"run={run}"
            temporary = folder / table.TABLE / f".{run}"
            temporary.mkdir(parents=True, exist_ok=True)
            data = [asdict(row) for row in rows if isinstance(row, table)]
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(data, _schema(table)), temporary / _FILE)
            shutil.rmtree(target, ignore_errors=True)
            temporary.rename(target)
    except OSError as error:
        raise UsageError(f"cannot write the results to {folder}: {error.strerror}") from error


def _schema(table: type[Row]) -> Any:
    types = get_type_hints(table)
    return pyarrow.schema([(field.name, _TYPES[types[field.name]]) for field in fields(table)])


def runs(folder: Path) -> list[str]:
    """The complete runs in a folder, in order."""
    return sorted(path.name.removeprefix("run=") for path in (folder / Time.TABLE).glob("run=*"))


@contextmanager
def database(folder: Path) -> Iterator[Any]:
    """A DuckDB connection with a view for every table. Raises UsageError if there are no results."""
    if not runs(folder):
        raise UsageError(f"no results of a scan in {folder}")
    with duckdb.connect(":memory:") as connection:
        for table in (Time, *TABLES[:-1]):
            files = str(folder / table.TABLE / "run=*" / _FILE).replace("'", "''")
            source = f"read_parquet('{files}', hive_partitioning=true, hive_types={{'run': VARCHAR}})"
            complete = "" if table is Time else " WHERE run IN (SELECT run FROM times)"
            connection.execute(f"CREATE VIEW {table.TABLE} AS SELECT * FROM {source}{complete}")
        yield connection


def known_seconds(folder: Path) -> dict[tuple[str, str], float]:
    """The seconds of the last check of files, by repository and path; nothing without results."""
    if not runs(folder):
        return {}
    with database(folder) as connection:
        query = "SELECT repository, path, arg_max(seconds, run) FROM files WHERE seconds IS NOT NULL GROUP BY ALL"
        return {(repository, path): seconds for repository, path, seconds in connection.execute(query).fetchall()}
