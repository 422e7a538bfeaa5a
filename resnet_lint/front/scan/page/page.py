"""Renders a run of a scan as one self-contained HTML page, for an organisation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnet_lint.shared.errors import UsageError

from ...pages.render import render
from ...report_text import count
from .. import store

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_WORST = 20
_MOST_RUNS = 20

_FIRST_SEEN = "SELECT repository, fingerprint, min(run) AS first FROM findings WHERE run <= $run GROUP BY ALL"

_QUERIES = {
    "worst": f"""
        SELECT repository, count(*) FILTER (severity = 'error') AS errors, count(*) FILTER (severity = 'warning') AS
        warnings, count(DISTINCT path) AS files FROM findings WHERE run = $run AND severity <> 'info'
        GROUP BY repository ORDER BY errors DESC, warnings DESC, repository LIMIT {_WORST}""",
    "by_rule": f"""
        SELECT rule, any_value(name), count(*), count(DISTINCT f.repository),
        count(*) FILTER (first = $run), count(*) FILTER (first < $run AND days <= 30), count(*) FILTER (days > 30)
        FROM findings f JOIN (SELECT *, date_diff('day', strptime(first, '%Y%m%dT%H%M%SZ'),
        strptime($run, '%Y%m%dT%H%M%SZ')) AS days FROM ({_FIRST_SEEN})) USING (repository, fingerprint)
        WHERE run = $run GROUP BY rule ORDER BY count(*) DESC, rule""",
    "repositories": """
        SELECT repository, problem FROM versions WHERE run = $run AND problem IS NOT NULL ORDER BY repository""",
    "files": """
        SELECT repository, path, reason FROM files WHERE run = $run AND reason IS NOT NULL ORDER BY ALL""",
    "classes": """
        SELECT reason, count(*) AS number, any_value(repository || ': ' || path || '::' || name) FROM classes
        WHERE run = $run AND status <> 'checked' GROUP BY reason ORDER BY number DESC, reason LIMIT 50""",
    "trend": f"""
        SELECT run, count(*) FILTER (severity = 'error'), count(*) FILTER (severity = 'warning') FROM times
        LEFT JOIN findings USING (run) WHERE run <= $run GROUP BY run ORDER BY run DESC LIMIT {_MOST_RUNS}""",
    "totals": """
        SELECT (SELECT count(*) FROM versions WHERE run = $run), (SELECT count(*) FROM files WHERE run = $run),
        (SELECT count(*) FROM classes WHERE run = $run AND status = 'checked'),
        (SELECT count(*) FROM classes WHERE run = $run AND status <> 'checked'), seconds, workers, started
        FROM times WHERE run = $run""",
    "findings": f"""
        SELECT repository, path, line, rule, severity, message, first, fix.title FROM findings f
        JOIN ({_FIRST_SEEN}) USING (repository, fingerprint)
        LEFT JOIN (SELECT repository, fingerprint, any_value(title) AS title FROM fixes WHERE run = $run AND verified
        GROUP BY ALL) fix USING (repository, fingerprint)
        WHERE f.run = $run ORDER BY severity, repository, path, line""",
}


@dataclass(frozen=True)
class Bar:
    """The errors and warnings of a run, as heights of at most 100."""

    run: str
    errors: int
    warnings: int
    most: int

    @property
    def heights(self) -> tuple[float, float]:
        return 100 * self.errors / self.most, 100 * self.warnings / self.most


def page(results: Path, run: str | None) -> str:
    """The page about a run, by default the last one. Raises UsageError if there is no such run."""
    known = store.runs(results)
    with store.database(results) as connection:
        if run is not None and run not in known:
            raise UsageError(f"no run {run} in {results}; the last ones are {', '.join(known[-3:])}")
        chosen = run or known[-1]
        tables = {name: _rows(connection, query, chosen) for name, query in _QUERIES.items()}
    findings = tables.pop("findings")
    return render(
        _TEMPLATE,
        run=chosen,
        count=count,
        **tables | {"trend": _bars(tables["trend"])},
        total=len(findings),
        findings=_script_safe(findings),
    )


def _rows(connection: Any, query: str, run: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = connection.execute(query, {"run": run}).fetchall()
    return rows


def _bars(rows: Sequence[tuple[Any, ...]]) -> list[Bar]:
    most = max((errors + warnings for _, errors, warnings in rows), default=0) or 1
    return [Bar(run, errors, warnings, most) for run, errors, warnings in reversed(rows)]


def _script_safe(findings: Sequence[tuple[Any, ...]]) -> str:
    """The findings as JSON that cannot end the script element that holds it."""
    return json.dumps(findings, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
