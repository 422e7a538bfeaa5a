"""Tables in files that are not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from resnet_lint.worker.outside import OUTSIDE
from resnet_lint.worker.stand_ins.pandas import read_csv
from resnet_lint.worker.stand_ins.sklearn import LabelEncoder, StandardScaler, train_test_split
from resnet_lint.worker.stand_ins.tables import MissingCell, missing_array

ROWS = 1024


@pytest.mark.parametrize(
    ("read", "shape"),
    [
        (lambda df: df[["age", "income"]].values, (ROWS, 2)),
        (lambda df: df["age"].values, (ROWS,)),
        (lambda df: df[["age"]].to_numpy(dtype=numpy.float32), (ROWS, 1)),
        (lambda df: df.dropna().iloc[:, 1:8].values, (ROWS, 7)),
        (lambda df: df.iloc[:, -3:].values, (ROWS, 3)),
        (lambda df: df.iloc[:, [0, 4]].values, (ROWS, 2)),
        (lambda df: df.iloc[:, -1].values, (ROWS,)),
        (lambda df: df.loc[:, "age"].values, (ROWS,)),
        (lambda df: df[["a", "b", "c"]].drop(columns=["b"]).values, (ROWS, 2)),
        (lambda df: df[["a", "b", "c"]].iloc[:, :-1].values, (ROWS, 2)),
        (lambda df: df[df["age"] > 3][["a", "b"]].values, (ROWS, 2)),
        (lambda df: df.iloc[4][["a", "b"]].values, (2,)),
        (lambda df: df.iloc[4, 1:5].to_numpy(), (4,)),
        (lambda df: ((df[["a", "b"]] - df[["a", "b"]].mean()) / df[["a", "b"]].std()).values, (ROWS, 2)),
        (lambda df: numpy.asarray(df["age"].map(str).astype(float)), (ROWS,)),
        (lambda df: StandardScaler().fit_transform(df[["a", "b"]]), (ROWS, 2)),
        (lambda df: train_test_split(df[["a", "b"]].values, df["c"].values, test_size=0.25)[2], (768,)),
        (lambda df: LabelEncoder().fit_transform(df["label"]), (ROWS,)),
    ],
)
def test_columns_that_are_named_or_counted(read: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    reads = OUTSIDE.reads
    assert read(read_csv("none.csv")).shape == shape
    assert OUTSIDE.reads > reads


@pytest.mark.parametrize(
    "read",
    [
        lambda df: df.values,
        lambda df: df.shape,
        lambda df: df.drop("label", axis=1).values,
        lambda df: df.drop(columns=["label"]).to_numpy(),
        lambda df: df.iloc[:, :-1].values,
        lambda df: df.iloc[:, 1:].values,
        lambda df: df.iloc[0].values,
        lambda df: df.groupby("age"),
        lambda df: numpy.asarray(df),
    ],
)
def test_what_only_the_file_says_is_the_error_of_reading_it(read: Callable[[Any], Any]) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        read(read_csv("none.csv"))


def test_values_and_types_are_guesses() -> None:
    labels = read_csv("none.csv")["label"]
    assert labels.nunique() == len(labels.unique()) == 10 == labels.max() + 1
    assert labels.values.dtype == numpy.float64
    with OUTSIDE.second_trial():
        assert labels.nunique() != 10
        assert labels.values.dtype == numpy.int64
        assert len(labels) != ROWS


def test_a_cell_is_a_number_or_the_name_of_a_file() -> None:
    cell = read_csv("none.csv").iloc[3]["image"]
    assert isinstance(cell, MissingCell)
    assert f"{cell}.jpg" == str(cell) + ".jpg" == cell + ".jpg" == "missing0.jpg"
    assert isinstance(cell, int)
    assert int(cell) == 0
    with OUTSIDE.second_trial():
        assert isinstance(read_csv("none.csv").iloc[3]["image"], float)


def test_arrays_of_text_files() -> None:
    raw = missing_array("none.csv")
    assert raw[:, 1:8].shape == (ROWS, 7)
    assert raw[:100, 0].shape == (100,)
    with pytest.raises(FileNotFoundError):
        raw[:, 1:]
    with pytest.raises(FileNotFoundError):
        raw.astype(float)
