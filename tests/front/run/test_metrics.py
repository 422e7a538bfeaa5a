"""`resnet-lint metrics`: metrics from a CSV file, the verdict, and the gates."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from resnet_lint.front.cli import main
from resnet_lint.front.run import csv_input
from resnet_lint.front.run.learning_curve import observations, stuck, unstable
from resnet_lint.front.run.verdict import judge
from resnet_lint.shared.records.evaluation import Evaluation, Predictions, Score
from resnet_lint.shared.records.hardware_run import Epoch, Reason
from resnet_lint.shared.records.thresholds import Thresholds

SCHEMA = json.loads(resources.files("resnet_lint.front.run.report").joinpath("metrics.schema.json").read_text())


def metrics(*args: object) -> Result:
    return CliRunner().invoke(main, ["metrics", *map(str, args)], prog_name="resnet-lint")


def predictions(
    folder: Path, counts: dict[tuple[str, str], int], scores: dict[tuple[str, str], float] | None = None
) -> Path:
    """A CSV file with a number of samples for each pair of label and prediction."""
    path = folder / "answers.csv"
    rows = ["label,prediction" + (",score" if scores else "")]
    for pair, count in counts.items():
        rows += [",".join([*pair, str(scores[pair])] if scores else pair)] * count
    path.write_text("\n".join(rows) + "\n")
    return path


def report_of(result: Result) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(report, SCHEMA)
    return report


F8 = {("cat", "cat"): 45, ("cat", "dog"): 5, ("dog", "dog"): 47, ("dog", "cat"): 3}


def test_f8_metrics_of_a_confusion_matrix(tmp_path: Path) -> None:
    result = metrics(predictions(tmp_path, F8), "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = report_of(result)["evaluation"]
    assert (found["classes"], found["matrix"]) == (["cat", "dog"], [[45, 5], [3, 47]])
    cat, dog = found["scores"]
    assert (cat["precision"], cat["recall"]) == (pytest.approx(45 / 48, abs=1e-6), pytest.approx(45 / 50, abs=1e-6))
    assert (dog["precision"], dog["recall"]) == (pytest.approx(47 / 52, abs=1e-6), pytest.approx(47 / 50, abs=1e-6))
    assert cat["f1"] == pytest.approx(2 * 45 / (2 * 45 + 5 + 3), abs=1e-6)
    assert found["macro"]["recall"] == pytest.approx((0.90 + 0.94) / 2, abs=1e-6)
    assert found["accuracy"] == pytest.approx(0.92, abs=1e-6)
    assert found["calibration_error"] is None


F10 = {("fraud", "fraud"): 3, ("fraud", "fine"): 22, ("fine", "fine"): 1075}


def test_f10_accuracy_paradox_and_a_missed_gate(tmp_path: Path) -> None:
    result = metrics(predictions(tmp_path, F10), "--min-accuracy", "0.95", "--min-recall", "0.8")
    assert result.exit_code == 1
    assert "Verdict: NOT fit for production" in result.stdout
    assert "an accuracy of 98.0% hides a recall of 12.0% for 'fraud'" in result.stdout
    assert "always predicting 'fine' would reach 97.7%" in result.stdout
    assert result.stdout.splitlines()[-1] == "missed --min-recall 0.8: 0.12"


def test_f9_good_metrics_meet_the_thresholds(tmp_path: Path) -> None:
    result = metrics(
        predictions(tmp_path, {("cat", "cat"): 47, ("cat", "dog"): 3, ("dog", "dog"): 48, ("dog", "cat"): 2})
    )
    assert result.exit_code == 0
    assert "Verdict: meets the thresholds" in result.stdout


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([(n, 0.69, 0.55, 0.7) for n in range(1, 8)], "accuracy over the epochs  stuck at 55.0%"),
        (
            [(1, 0.9, 0.7, 0.9), (2, 0.3, 0.9, 0.8), (3, 0.05, 0.99, 1.3)],
            "validation 1.3 (risen from 0.8 in epoch 2): overfitting",
        ),
    ],
)
def test_f9_and_f11_bad_training_histories(content: list[tuple[float, ...]], expected: str, tmp_path: Path) -> None:
    rows = ["epoch,loss,accuracy,val_loss", *(",".join(map(str, row)) for row in content)]
    path = tmp_path / "history.csv"
    path.write_text("\n".join(rows))
    result = metrics(path)
    assert "Verdict: NOT fit for production" in result.stdout
    assert expected in result.stdout


def test_f9_very_low_recall_and_f11_class_imbalance(tmp_path: Path) -> None:
    result = metrics(predictions(tmp_path, {("ill", "ill"): 20, ("ill", "well"): 80, ("well", "well"): 600}))
    assert "bad   recall         lowest: 20.0% (class 'ill'); threshold 85.0%" in result.stdout
    assert (
        "imbalance ratio 6.0 (100 to 600 samples per class): judge by per-class recall, not by accuracy"
        in result.stdout
    )


def test_the_precision_of_a_class_that_is_never_predicted_is_undefined(tmp_path: Path) -> None:
    result = metrics(predictions(tmp_path, {("cat", "cat"): 40, ("dog", "cat"): 4, ("cat", "cow"): 1}))
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["dog", "undefined", "0.0000", "0.0000", "4"] in rows
    assert ["cow", "0.0000", "undefined", "0.0000", "0"] in rows
    assert "fair  precision      undefined for class 'dog', which is never predicted" in result.stdout


def test_calibration_error_of_overconfident_scores(tmp_path: Path) -> None:
    overconfident = dict.fromkeys(F8, 0.99)
    found = report_of(metrics(predictions(tmp_path, F8, overconfident), "--format", "json"))["evaluation"]
    assert found["calibration_error"] == pytest.approx(0.99 - 0.92, abs=1e-6)


@pytest.mark.parametrize(
    "table",
    [
        "y_true;y_pred\ncat;cat\ndog;cat\n",
        "Actual\tPredicted\ncat\tcat\ndog\tcat\n",
        "target, preds\ncat, cat\ndog, cat\n",
    ],
)
def test_tables_with_other_delimiters_and_names(table: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(table)
    assert csv_input.read(path) == Predictions(("cat", "dog"), (0, 1), (0, 0))


def test_a_table_on_standard_input() -> None:
    result = CliRunner().invoke(main, ["metrics", "-", "--format", "json"], input="y_true,y_pred\ncat,cat\ndog,cat\n")
    assert report_of(result)["evaluation"]["accuracy"] == 0.5


def test_the_sparse_rows_of_lightning_are_epochs(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(
        "epoch,step,lr-Adam,test_acc,train_loss,val_acc,val_loss\n"
        ",0,0.001,,,,\n0,49,,,1.5,,\n0,99,,,1.0,,\n0,99,,,,0.50,1.1\n1,149,,,0.75,,\n1,199,,,,0.75,0.6\n2,200,,0.7,,,\n"
    )
    history = report_of(metrics(path, "--format", "json"))["history"]
    found = [(epoch["number"], epoch["loss"], epoch["accuracy"], epoch["val_loss"]) for epoch in history]
    assert found == [(0, 1.25, 0.5, 1.1), (1, 0.75, 0.75, 0.6)]


F7 = "epoch, loss, accuracy\n1,1.8,0.35\n5,1.2,0.55\n10,0.8,0.70\n15,0.5,0.82\n20,0.35,0.88\n"


def test_f7_an_observation_per_epoch_and_the_curve(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(F7)
    result = metrics(path, "--max-loss-gap", "0.1")
    assert (result.exit_code, result.stderr) == (1, ""), "the gap was not measured"
    rows = [line.split(maxsplit=3) for line in result.stdout.splitlines() if line[:1].isdigit() and "┤" not in line]
    assert rows == [
        ["1", "1.8", "0.3500", "first epoch"],
        ["5", "1.2", "0.5500", "still falling fast"],
        ["10", "0.8", "0.7000", "steady: still falling"],
        ["15", "0.5", "0.8200", "steady: still falling"],
        ["20", "0.35", "0.8800", "nearly converged: falling slowly"],
    ]
    assert "1.80┤**" in result.stdout
    assert "0.35┤" in result.stdout
    assert "fair  accuracy  88.0%; threshold 90.0%" in result.stdout
    assert result.stdout.endswith("missed --max-loss-gap 0.1: not measured\n")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is empty"),
        ("cat,dog\n", "the header must name the columns label,prediction[,score] or epoch,loss,accuracy[,val_loss]"),
        ("cat,dog\n", "; it has cat, dog"),
        ("label,prediction\n", "no rows after the header"),
        ("epoch,loss,accuracy\n", "no rows after the header"),
        ("label,prediction\ncat\n", "answers.csv:2: missing prediction"),
        ("label,prediction\ncat,cat\n", "all labels and predictions are 'cat'; at least two classes are needed"),
        ("label,prediction,score\na,b,1.5\n", "answers.csv:2: score 1.5 is not between 0 and 1"),
        ("epoch,loss,accuracy\n1,low,0.5\n", "answers.csv:2: loss 'low' is not a number"),
        ("epoch,loss,accuracy\n1,1.0,88\n", "answers.csv:2: accuracy 88 is not between 0 and 1"),
        (b"label,prediction\n\xff,\xfe\n", "is not a CSV file"),
        (None, "cannot read"),
    ],
)
def test_bad_input_is_reported_in_one_line(content: str | bytes | None, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = metrics(path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_gate_outside_0_to_1() -> None:
    result = metrics("answers.csv", "--min-recall", "85")
    assert result.exit_code == 2
    assert "85.0 is not in the range 0<=x<=1" in result.stderr


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.csv"
    path.write_text(F7)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = metrics(path)
    assert result.exit_code == 2
    assert "this requires plotext, not installed in " in result.stderr
    assert "pip install 'resnet-lint[run]'" in result.stderr


# --- the verdict and the observations, as functions -----------------------------------------------------------------


def evaluation(recalls: list[float], supports: list[int]) -> Evaluation:
    """An evaluation with these recalls and supports, in which precision and F1 equal recall."""
    scores = tuple(Score(r, r, r, support) for r, support in zip(recalls, supports, strict=True))
    correct = sum(recall * support for recall, support in zip(recalls, supports, strict=True))
    mean = Score(0, 0, 0, sum(supports))
    names = tuple("abcdef"[: len(recalls)])
    matrix = tuple(
        tuple(support * (row == column) for column in range(len(names))) for row, support in enumerate(supports)
    )
    return Evaluation(names, matrix, scores, mean, mean, correct / sum(supports))


def epochs(losses: list[float], accuracy: float = 0.95, val_losses: list[float] | None = None) -> list[Epoch]:
    return [
        Epoch(number, loss, accuracy, None if val_losses is None else val_losses[number - 1])
        for number, loss in enumerate(losses, 1)
    ]


def levels(reasons: tuple[Reason, ...]) -> dict[str, str]:
    return {reason.check: reason.level for reason in reasons}


def test_f9_good_numbers() -> None:
    verdict = judge(
        evaluation([0.93, 0.91], [50, 50]), epochs([1.0, 0.5, 0.3], val_losses=[1.0, 0.5, 0.35]), Thresholds()
    )
    assert verdict.level == "good"
    assert set(levels(verdict.reasons)) == {"accuracy", "recall", "precision", "class balance", "loss gap"}


def test_f9_stuck_accuracy() -> None:
    verdict = judge(evaluation([0.55, 0.55], [50, 50]), epochs([0.7] * 6, accuracy=0.55), Thresholds())
    assert levels(verdict.reasons)["accuracy over the epochs"] == "bad"
    assert levels(verdict.reasons)["accuracy"] == "bad"


def test_rising_accuracy_is_not_stuck() -> None:
    rising = [Epoch(n, 1 / n, 0.5 + n / 50) for n in range(1, 7)]
    assert not stuck(rising)


def test_f11_gap_between_the_losses() -> None:
    verdict = judge(None, epochs([0.5, 0.05], val_losses=[0.6, 0.9]), Thresholds())
    assert levels(verdict.reasons)["loss gap"] == "bad"
    assert verdict.level == "bad"


@pytest.mark.parametrize(("shared", "level"), [(0, "good"), (1, "fair"), (40, "bad")])
def test_f11_samples_in_both_splits(shared: int, level: str) -> None:
    verdict = judge(evaluation([0.95, 0.95], [100, 100]), [], Thresholds(), shared_samples=shared)
    assert levels(verdict.reasons)["data leakage"] == level


def test_f11_class_imbalance() -> None:
    poor = judge(evaluation([0.99, 0.80], [900, 100]), [], Thresholds())
    assert levels(poor.reasons)["class balance"] == "fair"
    fine = judge(evaluation([0.99, 0.95], [900, 100]), [], Thresholds())
    assert levels(fine.reasons)["class balance"] == "good", "a rare class with good recall"


def test_f11_silent_mistake_in_a_skip_connection() -> None:
    verdict = judge(None, epochs([0.5]), Thresholds(), silent_mistakes=["line 4: it is wrong"])
    assert levels(verdict.reasons)["skip connections"] == "bad"


def test_a_class_without_samples_misses_no_gate() -> None:
    thresholds = Thresholds(recall=0.9, gates=frozenset({"recall"}))
    assert judge(evaluation([0.95, 0.0], [100, 0]), [], thresholds).missed == ()


def test_a_jumping_loss_is_unstable() -> None:
    assert unstable(epochs([1.0, 0.5, 0.9, 0.4, 0.3])) == "training"
    assert unstable(epochs([1.0, 0.5, 0.55, 0.4, 0.3])) is None


def test_a_validation_loss_that_rises_for_good_does_not_jump() -> None:
    def history(*val_losses: float) -> list[Epoch]:
        return [Epoch(number, 1 / number, 0.5, loss) for number, loss in enumerate(val_losses, 1)]

    assert unstable(history(1.0, 0.9, 1.2, 1.6, 2.2)) is None
    assert unstable(history(1.0, 0.9, 1.6, 0.8, 0.8)) == "validation"


def test_observations_of_problems() -> None:
    assert observations(epochs([1.0, 0.9, float("nan")]))[-1] == "non-finite loss"
    assert observations(epochs([1.0, 0.5, 0.8]))[-1] == "training loss rises"
    rising = observations(epochs([1.0, 0.5, 0.4], val_losses=[1.0, 0.6, 0.8]))
    assert rising[-1] == "validation loss rises while training loss falls: overfitting"
    assert observations(epochs([1.0, 0.001, 0.0005]))[-1] == "converged"
