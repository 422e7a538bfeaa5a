"""The results of scans: the questions of docs/scale.md, and the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Lint

from resnet_lint.front.scan import store
from resnet_lint.front.scan.page.page import page
from resnet_lint.front.scan.store import Class, File, FoundFinding, FoundFix, Row, Time, Version
from resnet_lint.shared.errors import UsageError

DOCS = (Path(__file__).parents[3] / "docs" / "scale.md").read_text()
VIEWS, *QUESTIONS = re.findall(r"```sql\n(.*?)```", DOCS, re.DOTALL)
TITLES = re.findall(r"^(.*\?)\n\n```sql", DOCS, re.MULTILINE)
FIRST, SECOND = "20260101T000000Z", "20260220T000000Z"


def finding(number: int, repository: str = "vision", severity: str = "error") -> FoundFinding:
    message = f"cannot add </script><b>{number}</b>"
    path, rule, name = f"models/{number}.py", "RL101", "residual-shape-mismatch"
    return FoundFinding(repository, path, number, rule, name, severity, message, None, None, f"print {number}")


def rows(run: str, *findings: FoundFinding) -> list[Row]:
    fixes = [
        FoundFix(found.repository, found.path, found.fingerprint, "project it", "safe", True, 1) for found in findings
    ]
    return [
        Version("vision", "abc", "0.1.0", "3.12.1", "2.9.0", 2, None),
        Version("speech", None, "0.1.0", None, None, 0, "cannot clone speech: not found"),
        File("vision", "models/1.py", "digest", 2.5, None),
        File("vision", "models/huge.py", None, None, "huge.py has more than 10 MB: not checked"),
        Class("vision", "models/1.py", "Net", 3, "checked", "Net()", None),
        Class("vision", "models/1.py", "Other", 9, "failed", None, "no value for plan"),
        *findings,
        *fixes,
        Time(f"{run[:4]}-{run[4:6]}-{run[6:8]}", 60.0, 2),
    ]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    store.write_run(tmp_path, FIRST, rows(FIRST, finding(1), finding(2, severity="warning")))
    store.write_run(tmp_path, SECOND, rows(SECOND, finding(1), finding(3)))
    return tmp_path


ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "Which repositories have the most errors?": [("vision", 2)],
    "Which findings are new in the last run?": [("vision", "models/3.py", 3, "RL101")],
    "Since when does each finding exist?": [
        ("vision", "models/1.py", "RL101", FIRST),
        ("vision", "models/2.py", "RL101", FIRST),
        ("vision", "models/3.py", "RL101", SECOND),
    ],
    "Which findings are gone since the run before?": [("vision", "models/2.py", "RL101")],
    "What could be fixed now, by repository?": [("vision", 2)],
    "How do errors and warnings develop?": [(FIRST, 1, 1), (SECOND, 2, 0)],
    "Which rules find the most, and in how many repositories?": [("RL101", "residual-shape-mismatch", 2, 1)],
    "What was not checked, and why?": [("no value for plan", 1)],
    "Which files take longest?": [("vision", "models/1.py", 2.5)],
    "Which versions of torch are in use?": [("2.9.0", 1), ("none", 1)],
}


def test_there_are_ten_questions() -> None:
    assert list(ANSWERS) == TITLES


@pytest.mark.parametrize(("title", "question"), list(zip(TITLES, QUESTIONS, strict=True)), ids=TITLES)
def test_a_question_has_its_answer(title: str, question: str, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(results)
    with duckdb.connect(":memory:") as connection:
        connection.execute(VIEWS)
        assert sorted(connection.execute(question).fetchall()) == sorted(ANSWERS[title])


def test_an_incomplete_run_does_not_count(results: Path) -> None:
    incomplete = results / "findings" / "run=20260301T000000Z"
    incomplete.mkdir()
    (results / "findings" / f"run={SECOND}" / "part-0.parquet").rename(incomplete / "part-0.parquet")
    store.write_run(results, SECOND, rows(SECOND, finding(1)))
    with store.database(results) as connection:
        assert connection.execute("SELECT count(*) FROM findings").fetchone() == (3,)
    assert store.runs(results) == [FIRST, SECOND]
    assert store.known_seconds(results) == {("vision", "models/1.py"): 2.5}


def test_the_page_shows_trend_age_and_what_was_not_checked(results: Path, lint: Lint) -> None:
    text = lint("report", "--results", results).stdout
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert [(row[1], row[6]) for row in json.loads(data)] == [("models/1.py", FIRST), ("models/3.py", SECOND)]
    assert json.loads(data)[0][5] == "cannot add </script><b>1</b>"
    assert "speech: cannot clone speech: not found" in text
    assert "huge.py has more than 10 MB" in text
    assert "no value for plan" in text
    ages = re.findall(r'data-name="(?:new|up to 30 days|older)" class="number">(\d+)', text)
    assert ages == ["1", "0", "1"]
    assert "http://" not in text
    assert "https://" not in text


def test_a_run_that_is_not_there_is_one_line(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"no run 2020 in .*; the last ones are {FIRST}, {SECOND}"):
        page(results, "2020")
    with pytest.raises(UsageError, match="no results of a scan in"):
        page(tmp_path / "nothing", None)


def test_ten_thousand_findings_are_one_page_of_a_few_megabytes(tmp_path: Path) -> None:
    store.write_run(tmp_path, FIRST, rows(FIRST, *(finding(number, f"r{number % 300}") for number in range(10_000))))
    text = page(tmp_path, None)
    assert len(text) < 5_000_000
    assert text.count("<tr>") < 100
