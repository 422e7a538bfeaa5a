"""`resnet-lint metrics` on tables of probabilities, and on tables with several labels per sample."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from sklearn.metrics import hamming_loss, precision_recall_fscore_support, top_k_accuracy_score

from resnet_lint.front.cli import main
from resnet_lint.front.run.csv_input import read
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.evaluation import MultilabelPredictions, Predictions

SCHEMA = json.loads(resources.files("resnet_lint.front.run.report").joinpath("metrics.schema.json").read_text())


def table(folder: Path, *rows: str) -> Path:
    path = folder / "answers.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def evaluation(path: Path) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["metrics", str(path), "--format", "json"])
    assert (result.exit_code, result.stderr) == (0, "")
    report = json.loads(result.stdout)
    jsonschema.validate(report, SCHEMA)
    found: dict[str, Any] = report["evaluation"]
    return found


SCORES = [
    *([0.50, 0.20, 0.15, 0.05, 0.06, 0.04], [0.30, 0.25, 0.20, 0.12, 0.08, 0.05]),
    *([0.10, 0.30, 0.25, 0.20, 0.08, 0.07], [0.04, 0.06, 0.10, 0.20, 0.25, 0.35]),
]
LABELS = [0, 2, 3, 0]


def test_top_k_accuracies_are_those_of_scikit_learn(tmp_path: Path) -> None:
    header = ",".join(["image", "y_true", *(f"prob_{number}" for number in range(6))])
    rows = [",".join(map(str, ["a.png", label, *row])) for label, row in zip(LABELS, SCORES, strict=True)]
    found = evaluation(table(tmp_path, header, *rows))
    wanted = [
        {"number": k, "accuracy": pytest.approx(top_k_accuracy_score(LABELS, SCORES, k=k, labels=range(6)))}
        for k in (1, 3, 5)
    ]
    assert found["top"] == wanted
    assert found["accuracy"] == found["top"][0]["accuracy"]


def test_predictions_beside_probabilities_stay(tmp_path: Path) -> None:
    rows = ["y_true,y_pred,prob_cat,prob_cow,prob_dog", "cat,dog,0.5,0.2,0.3", "dog,dog,0.1,0.6,0.3"]
    found = read(table(tmp_path, *rows))
    assert isinstance(found, Predictions)
    assert (found.classes, found.labels, found.predicted) == (("cat", "cow", "dog"), (0, 2), (2, 2))
    assert (found.scores, found.probabilities) == ((0.3, 0.3), ((0.5, 0.2, 0.3), (0.1, 0.6, 0.3)))


@pytest.mark.parametrize("values", ["3.1,-2", "0.9,0.8"])
def test_other_numbers_beside_predictions_are_no_probabilities(tmp_path: Path, values: str) -> None:
    found = read(table(tmp_path, "label,prediction,cat,dog", f"cat,dog,{values}", f"dog,dog,{values}"))
    assert isinstance(found, Predictions) and not found.probabilities


TRUE = [[1, 0, 1], [0, 0, 1], [1, 1, 0]]
PREDICTED = [[1, 1, 1], [0, 0, 1], [1, 0, 0]]


def test_scores_of_several_labels_are_those_of_scikit_learn(tmp_path: Path) -> None:
    rows = [",".join(map(str, [*label, *found])) for label, found in zip(TRUE, PREDICTED, strict=True)]
    found = evaluation(table(tmp_path, "true_a,true_b,true_c,pred_a,pred_b,pred_c", *rows))
    columns = precision_recall_fscore_support(TRUE, PREDICTED, zero_division=0)
    for score, *wanted in zip(found["scores"], *columns, strict=True):
        assert list(score.values())[1:] == pytest.approx(wanted, abs=1e-6)
    assert found["hamming_loss"] == pytest.approx(hamming_loss(TRUE, PREDICTED), abs=1e-6)
    assert (found["matrix"], found["accuracy"]) == ([], pytest.approx(1 / 3, abs=1e-6))
    assert found["outcomes"][1] == {
        "true_positives": 0, "false_positives": 1, "false_negatives": 1, "true_negatives": 1,
    }  # fmt: skip


def test_the_reports_of_several_labels(tmp_path: Path) -> None:
    path, page = table(tmp_path, "label,prediction", "a|b,a", "b,b|c"), tmp_path / "page.html"
    result = CliRunner().invoke(main, ["metrics", str(path), "--report", str(page), "--min-recall", "0.9"])
    assert result.exit_code == 1
    assert "fair  exact match    0.0% of the samples have exactly their labels" in result.stdout
    assert "Hamming loss 0.3333" in result.stdout
    assert "<h2>Predictions by class</h2>" in page.read_text()
    assert "Confusion matrix" not in result.stdout + page.read_text()


@pytest.mark.parametrize(
    "rows",
    [
        ["y_true,y_pred", "a|b,a", "b,"],
        ["label;prediction", "['a', 'b'];['a']", "['b'];[]"],
        ["label\tprediction", "{a, b}\t{a}", "{b}\tset()"],
        ["a_true,b_true,a_pred,b_pred", "1,1,1,0", "0,1,0,0"],
        ["y_true_a;y_true_b;y_pred_a;y_pred_b", "1;1.0;1;0", "0;1;0;0"],
    ],
)
def test_the_forms_of_several_labels(tmp_path: Path, rows: list[str]) -> None:
    assert read(table(tmp_path, *rows)) == MultilabelPredictions(("a", "b"), ((0, 1), (1,)), ((0,), ()))


@pytest.mark.parametrize("row", ["0 2,0 2", "[0 2],[0 2]", '"[1, 0, 1]","[1, 0, 1]"'])
def test_numbers_and_flags(tmp_path: Path, row: str) -> None:
    found = read(table(tmp_path, "label,prediction", row, row))
    assert isinstance(found, MultilabelPredictions)
    assert [[found.classes[index] for index in indices] for indices in found.labels] == [["0", "2"]] * 2


def test_a_name_with_blanks_and_commas_is_one_class(tmp_path: Path) -> None:
    rows = ['"tench, Tinca tinca","tench, Tinca tinca"', "golden retriever,golden retriever"]
    found = read(table(tmp_path, "label,prediction", *rows))
    assert isinstance(found, Predictions)
    assert found.classes == ("golden retriever", "tench, Tinca tinca")


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (["label,cat,dog", "cat,3.1,-2"], "csv:2: cat 3.1 is not between 0 and 1"),
        (["label,cat,dog", "cow,0.9,0.1"], "csv:2: label 'cow' is not one of the columns cat, dog"),
        (["label,cat,dog", "cat,0.9,0.5"], "csv:2: the probabilities of the classes add up to 1.4 and not to 1"),
        (["label,prediction", '0,"[0.1, 0.9]"'], "is a list of scores; give a column of probabilities per class"),
        (["true_a,true_b,pred_a", "1,0,1"], "no column of predictions for true_b"),
        (["true_a,true_b,pred_a,pred_b", "1,0,1,0.7"], "csv:2: pred_b 0.7 is neither 0 nor 1"),
        (["label,prediction", "[a],[a]"], "at least two classes are needed"),
        (["label,cat,dog"], "no rows after the header"),
    ],
)
def test_a_table_that_does_not_fit_is_one_clear_line(tmp_path: Path, rows: list[str], error: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(table(tmp_path, *rows))
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)
