"""Scripts that read a table whose file is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Lint

START = """
import numpy as np
import pandas as pd
import torch
from torch import nn
import torch.nn.functional as F

df = pd.read_csv("none.csv")
X = torch.tensor(df[["age", "income", "tenure"]].values, dtype=torch.float32)
y = torch.tensor(df["left"].values, dtype=torch.float32)
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
"""

# What follows, what makes it right, what makes it wrong, and the rule that reports it.
SCRIPTS = {
    "a target without the axis of the prediction": (
        "F.binary_cross_entropy_with_logits(net(X), @).backward()",
        "y[:, None]",
        "y",
        "RL303",
    ),
    "a target with two columns": (
        "F.binary_cross_entropy_with_logits(net(X), torch.stack([@], 1)).backward()",
        "y",
        "y, y",
        "RL303",
    ),
    "a squared error that broadcasts": ("nn.MSELoss()(net(X), @).backward()", "y[:, None]", "y", "RL308"),
    "a target of integers": (
        "F.binary_cross_entropy(net(X).sigmoid()[:, 0], y@)",
        ".float()",
        ".long()",
        "RL303",
    ),
    "targets that are integers in the file, or floats": (
        "F.cross_entropy(nn.Linear(3, 4)(X), torch.tensor(df['kind'].values)@)",
        "",
        "[:, None]",
        "RL303",
    ),
    "a class for each label": (
        "k = df['kind'].nunique()\ncodes = F.one_hot(torch.tensor(df['kind'].values).long(), k).float()\n"
        "F.binary_cross_entropy_with_logits(nn.Linear(3, k)(X), codes@)",
        "",
        "[:, None]",
        "RL303",
    ),
    "other classes than those of the file, perhaps": (
        "codes = F.one_hot(torch.tensor(df['kind'].values).long(), df['kind'].nunique()).float()\n"
        "F.binary_cross_entropy_with_logits(nn.Linear(3, 4)(X), codes@)",
        "",
        "[:, None]",
        "RL303",
    ),
    "an array": ("raw = np.loadtxt('none.csv')\nnet(torch.tensor(raw[:, @]).float())", "1:4", "1:5", "RL301"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_columns_that_a_script_names_are_checked(name: str, lint: Lint, tmp_path: Path) -> None:
    script, right, wrong, rule = SCRIPTS[name]
    for verdict, text in (("right", right), ("wrong", wrong)):
        (tmp_path / f"{verdict}.py").write_text(START + script.replace("@", text))
    findings = json.loads(lint("--format", "json", tmp_path).stdout)["findings"]
    found = [(Path(each["path"]).name, each["rule"]) for each in findings if each["severity"] != "info"]
    assert found == [("wrong.py", rule)]
