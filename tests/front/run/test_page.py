"""The HTML report: self-contained, with the content of the other reports."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome

from resnet_lint.front.cli import main
from resnet_lint.front.run.report.bars import bars
from resnet_lint.front.run.report.forms.compared import compared_checks, compared_stages
from resnet_lint.front.run.report.forms.page import metrics_page
from resnet_lint.front.run.verdict import judge
from resnet_lint.shared.records.hardware_run import (
    Confirmation,
    Cost,
    Epoch,
    MetricsReport,
    ModelSetup,
    Result,
    RunReport,
    StageShapes,
)
from resnet_lint.shared.records.thresholds import Thresholds


class Page(HTMLParser):
    """The tags of a page, the URLs that it loads, and its text outside styles."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = {name: value or "" for name, value in attributes}
        self.loads += [value for name, value in named.items() if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"] and data.strip():
            self.text.append(data.strip())


def metrics(*args: object) -> Outcome:
    return CliRunner().invoke(main, ["metrics", *map(str, args)], prog_name="resnet-lint")


def test_the_page_of_predictions_is_self_contained(tmp_path: Path) -> None:
    predictions, page = tmp_path / "answers.csv", tmp_path / "page.html"
    predictions.write_text("label,prediction\n" + "<b>cat</b>,<b>cat</b>\n" * 45 + "dog,<b>cat</b>\n" * 5)
    result = metrics(predictions, "--report", page)
    assert (result.exit_code, result.stderr) == (0, "")
    source = page.read_text()
    read = Page(source)
    assert read.loads == []
    assert not {"script", "link", "iframe"} & set(read.tags)
    assert "@import" not in source and "url(" not in source
    assert "prefers-color-scheme: dark" in source
    assert 'name="viewport"' in source
    assert {"<b>cat</b>", "dog", "45", "5"} <= set(read.text), "names are escaped"
    assert "NOT fit for production: fails the thresholds" in read.text


def history(*losses: float) -> MetricsReport:
    epochs = tuple(Epoch(number, loss, 0.5, loss + 1) for number, loss in enumerate(losses, 1))
    return MetricsReport("history.csv", None, epochs, judge(None, epochs, Thresholds()))


def test_the_page_of_a_training_has_curves() -> None:
    page = Page(metrics_page(history(1.0, 0.5, 0.25), Path()))
    assert page.tags.count("svg") == 2
    assert {"loss", "accuracy", "training", "validation", "still falling fast"} <= set(page.text)


def test_a_non_finite_loss_is_a_gap_in_the_curve() -> None:
    page = metrics_page(history(1.0, float("nan"), float("inf")), Path())
    assert "non-finite loss" in page


@pytest.mark.parametrize("norms", [[0.0, 0.0], [1e-30, 1e5], [float("nan"), 1.0], [3.0], [1.0, 100.0]])
def test_bars_of_extreme_values_are_on_the_axis(norms: list[float]) -> None:
    drawn = bars({"norm": norms}, [str(n) for n in range(len(norms))])
    widths = [bar.width for _, row in drawn.rows for bar in row]
    assert [width > 0 for width in widths] == [norm > 0 for norm in norms]
    assert all(0 <= length <= 100 for length in [*widths, *(position for position, _ in drawn.ticks)])


def test_the_axis_is_labelled_with_powers_of_ten() -> None:
    drawn = bars({"with": [2.0, 300.0], "without": [0.02, 0.0]}, ["stem", "head"])
    assert drawn.ticks == ((0.0, "1e-2"), (20.0, "1e-1"), (40.0, "1e0"), (60.0, "1e1"), (80.0, "1e2"), (100.0, "1e3"))
    assert [[bar.text for bar in row] for _, row in drawn.rows] == [["2", "0.02"], ["300", "0"]]


@pytest.mark.parametrize("place", ["missing/page.html", "."])
def test_an_unwritable_page_is_reported_first(place: str, tmp_path: Path) -> None:
    result = metrics(tmp_path / "no such answers.csv", "--report", tmp_path / place)
    assert result.exit_code == 2
    assert result.stderr.startswith("resnet-lint: --report: cannot write ")
    assert result.stderr.count("\n") == 1


def stage(path: str, *measured: int) -> StageShapes:
    return StageShapes(path, "Conv2d", (measured,), (measured,))


def test_the_runs_before_and_after_the_fix_are_side_by_side() -> None:
    setup = ModelSetup("Net()", "cpu", "float32", 2, ())
    failing = Confirmation(error="line 3: RuntimeError", reached=(stage("stem", 2, 8),))
    fixed = Confirmation((stage("stem", 2, 8), stage("fc", 2, 10)), True, True)
    before, after = (Result("2", setup, confirmation, Cost(1, 1)) for confirmation in (failing, fixed))
    run = RunReport("net.py", (), None, False, before, after, 1.0)
    assert [row.cells[2:5] for row in compared_stages(run)] == [
        ("(2, 8)", "(2, 8)", "(2, 8)"),
        ("not reached", "(2, 10)", "(2, 10)"),
    ]
    rows = compared_checks(run)
    assert rows[:2] == [("", "before the fix", "after the fix"), ("error", "line 3: RuntimeError", "no")]
    assert ("finite outputs", "not reached", "yes") in rows


def test_scores_give_a_chart_of_the_calibration(tmp_path: Path) -> None:
    predictions, page = tmp_path / "answers.csv", tmp_path / "page.html"
    predictions.write_text("label,prediction,score\n" + "cat,cat,0.95\n" * 9 + "dog,cat,0.95\ndog,dog,0.55\n")
    assert metrics(predictions, "--report", page).exit_code == 0
    text = Page(page.read_text()).text
    assert "accuracy by confidence" in text
    assert text[text.index("0.9 to 1.0") : text.index("0.9 to 1.0") + 3] == ["0.9 to 1.0", "10", "0.9"]
