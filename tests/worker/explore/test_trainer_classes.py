"""Scripts that train with classes of their own: their methods are executed statement by statement."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Lint

START = """
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 3)
    def forward(self, x):
        return self.fc(x)

def data(samples):
    return DataLoader(TensorDataset(torch.randn(samples, 10), torch.randint(0, 3, (samples,))), batch_size=32)
"""

TRAINER = """
class Trainer:
    def __init__(self, model, train, test):
        self.model, self.train_loader, self.test_loader = model, train, test
        self.optimizer = torch.optim.Adam(model.parameters())
        self.best, self.steps, self.history = 0.0, 0, []

    def train(self):
        self.model.train()
        total = 0
        for x, y in self.train_loader:
            loss = F.cross_entropy(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
            self.steps += 1
        return total / len(self.train_loader)

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        hits = 0
        for x, y in self.test_loader:
            output = self.model(x)
            hits += (output.argmax(1) == y).sum().item()
            {evaluation}
        return hits / len(self.test_loader.dataset)

    def fit(self, epochs):
        for epoch in range(epochs):
            loss = self.train()
            accuracy = self.evaluate()
            self.history.append((loss, accuracy))
            if accuracy > self.best:
                self.best = accuracy
                torch.save(self.model.state_dict(), "best.pt")
            print(epoch, loss, accuracy)

{run}
"""

RUN = "trainer = Trainer(Net(), data({train}), data({test}))\ntrainer.fit(3)"

CASES = {
    "right": ("F.cross_entropy(output, y)", RUN, 96, 40, []),
    "a target of two dimensions": ("F.cross_entropy(output, y.view(-1, 1))", RUN, 96, 40, ["RL303"]),
    "labels of a whole batch": ("F.cross_entropy(output, torch.zeros(32).long())", RUN, 96, 64, []),
    "labels of a whole batch, and a smaller one": (
        "F.cross_entropy(output, torch.zeros(32).long())",
        RUN,
        *(96, 40, ["RL303"]),
    ),
    "a trainer without a name": (
        "F.cross_entropy(output, y.view(-1, 1))",
        "Trainer(Net(), data({train}), data({test})).fit(3)",
        *(96, 40, ["RL303"]),
    ),
    "a method of another trainer": (
        "pass",
        "class Tester(Trainer):\n"
        "    def fit(self, epochs):\n"
        "        for x, y in self.test_loader:\n"
        "            F.cross_entropy(self.model(x).view(32, 3), y)\n"
        "            self.optimizer.step()\n"
        "Tester(Net(), data({train}), data({test})).fit(1)",
        *(96, 40, ["RL303"]),
    ),
}

# Right code, in which what a number is depends on rounds that were skipped, or on data.
CARRIED = {
    "a position": """
        class Bank:
            def __init__(self, model, size):
                self.model, self.start, self.rows = model, 0, torch.zeros(size, 3)
            def fill(self, loader):
                self.model.eval()
                for x, y in loader:
                    output = self.model(x)
                    print(F.mse_loss(output, self.rows[self.start : self.start + len(x)]).item())
                    self.start += len(x)
        Bank(Net(), 100).fill(data(100))
        """,
    "a width from data": """
        class Padded:
            def __init__(self, model):
                self.model, self.width = model, 10
            def fit(self, lengths):
                self.model.eval()
                self.width = lengths.max().item()
                return self.run(torch.randn(4, 8)[:, : self.width])
            def run(self, x):
                return self.model.eval()(torch.cat([x, torch.zeros(4, 10 - self.width)], dim=1))
        print(Padded(Net()).fit(torch.randint(1, 9, (4,))))
        """,
    "a condition that is unknown": """
        class Switch:
            def __init__(self, model):
                self.model, self.factor, self.best = model, 1, 0.0
            def fit(self, loader):
                for x, y in loader:
                    self.model.train()
                    loss = F.cross_entropy(self.model(x), y)
                    if loss.item() > self.best:
                        self.factor = 2
                    if loss.item() < 100:
                        self.factor = 1
                    print(self.model(x[:, : 10 * self.factor][:, : 10 // self.factor]))
        Switch(Net()).fit(data(96))
        """,
}


def rules(lint: Lint, file: Path) -> list[str]:
    found = json.loads(lint("check", "--format", "json", file).stdout)["findings"]
    return [finding["rule"] for finding in found if finding["severity"] == "error"]


@pytest.mark.parametrize("name", CASES)
def test_methods_of_a_trainer(name: str, tmp_path: Path, lint: Lint) -> None:
    evaluation, run, train, test, found = CASES[name]
    script = TRAINER.format(evaluation=evaluation, run=run.format(train=train, test=test))
    (tmp_path / "train.py").write_text(START + script)
    assert rules(lint, tmp_path / "train.py") == found


@pytest.mark.parametrize("name", CARRIED)
def test_what_is_not_known_is_no_error(name: str, tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "train.py").write_text(START + dedent(CARRIED[name]))
    assert not rules(lint, tmp_path / "train.py")
