"""Scripts whose loops call a model in a later round only, or fail at the last batch of an epoch."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Lint

START = """
import random
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

class Net(nn.Module):
    def __init__(self, n=10, k=3):
        super().__init__()
        self.fc = nn.Linear(n, k)
    def forward(self, x):
        return self.fc(x)

net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
def step(loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""

# What follows, what makes it right, and what makes it wrong.
LATER = {
    "by the second of several models": (
        """
        x = torch.randn(4, 10)
        for layer in nn.ModuleList([Net(10, 8), Net(@, 3)]):
            x = layer(x)
        """,
        "8",
        "9",
    ),
    "after a warm-up": (
        """
        for number in range(30):
            x = torch.randn(8, 10)
            if number < 10:
                continue
            step(net(x@).sum())
        """,
        "",
        "[:, 1:]",
    ),
    "every tenth epoch": (
        """
        def evaluate():
            with torch.no_grad():
                return net(torch.randn(4, @)).argmax(1)
        for epoch in range(20):
            step(net(torch.randn(8, 10)).sum())
            if (epoch + 1) % 10 == 0:
                print(evaluate())
        """,
        "10",
        "11",
    ),
    "in a loop that counts": (
        """
        done = 0
        while True:
            done += 1
            if done > 5:
                net(torch.randn(4, @))
                break
        """,
        "10",
        "11",
    ),
    "once a memory is full": (
        """
        memory = []
        def learn():
            if len(memory) < 16:
                return
            states, rewards = zip(*random.sample(memory, 16))
            best = net(torch.cat(states)).max(1)[0]
            step(F.smooth_l1_loss(best, torch.cat(rewards)@))
        for number in range(40):
            memory.append((torch.randn(1, 10), torch.randn(1)))
            learn()
        """,
        "",
        ".view(4, 4)",
    ),
    "once an agent's memory is full": (
        """
        class Agent:
            def __init__(self):
                self.net, self.memory = Net(), []
            def learn(self, state):
                self.memory.append(state)
                if len(self.memory) > 20:
                    step(self.net(torch.stack(self.memory[-8:])@).mean())
        agent = Agent()
        for number in range(40):
            agent.learn(torch.randn(10))
        """,
        "",
        ".T",
    ),
    "in every fifth batch": (
        """
        noise = Net(4, 10)
        for number, (x,) in enumerate(DataLoader(TensorDataset(torch.randn(100, 10)), batch_size=10)):
            step(net(x).sum())
            if number % 5 == 4:
                step(net(noise(torch.randn(10, @))).sum())
        """,
        "4",
        "5",
    ),
}

FEW_ROUNDS = """
x = torch.randn(4, 10)
for number in range({rounds}):
    x = torch.cat([x, x[:, :1]], dim=1)
print(net(x[:, :10]) + torch.zeros(4, {width}))
"""

LAST_BATCH = {
    "labels of a whole batch": (
        """
        for x, in DataLoader(TensorDataset(torch.randn(100, 10)), batch_size=32@):
            step(F.mse_loss(net(x), torch.ones(32, 3)))
        """,
        ", drop_last=True",
        "",
    ),
    "a state of a whole batch": (
        """
        rnn = nn.GRU(10, 6, batch_first=True)
        def train(loader):
            for x in loader:
                out, _ = rnn(x, torch.zeros(1, @, 6))
                step(out.sum())
        train(DataLoader(torch.randn(70, 5, 10), batch_size=64, shuffle=True))
        """,
        "len(x)",
        "64",
    ),
    "a data set of one's own": (
        """
        class Data(Dataset):
            def __len__(self):
                return @
            def __getitem__(self, index):
                return torch.randn(10), index % 3
        for x, y in DataLoader(Data(), 50):
            step(F.cross_entropy(net(x).view(50, 3), y))
        """,
        "1000",
        "1010",
    ),
}

LAST_SLICE = {
    "batches by steps": (
        """
        data = torch.randn(100, 10)
        for start in range(0, len(data)@, 32):
            step(F.mse_loss(net(data[start : start + 32]), torch.ones(32, 3)))
        """,
        " - 4",
        "",
    ),
    "batches by number": (
        """
        data = torch.randn(@, 10)
        for number in range(4):
            step(net(data[number * 32 : (number + 1) * 32]).view(32, 3).sum())
        """,
        "128",
        "120",
    ),
    "in a function whose result is printed": (
        """
        data = torch.randn(@, 10)
        def accuracy():
            hits = 0
            for start in range(0, len(data), 32):
                x = data[start : start + 32]
                hits += (net(x).argmax(1) == 1).sum().item()
                hits += (net(x).argmax(1) == torch.zeros(32)).sum().item()
            return hits / len(data)
        print("accuracy:", accuracy())
        """,
        "128",
        "120",
    ),
    "outputs that are gathered": (
        """
        outputs = []
        for x, in DataLoader(TensorDataset(torch.randn(@, 10)), batch_size=50):
            outputs.append(net(x) + torch.zeros(50, 3))
        """,
        "100",
        "90",
    ),
}

# The rounds between the first and the last one are skipped, but Python runs them.
COUNTED = {
    "by enumerate": """
        target = torch.zeros(100, 3)
        for number, (x,) in enumerate(DataLoader(TensorDataset(torch.randn(100, 10)), batch_size=32)):
            step(F.mse_loss(net(x), target[number * 32 : (number + 1) * 32]))
        """,
    "by a position": """
        target, start = torch.zeros(100, 3), 0
        for x, in DataLoader(TensorDataset(torch.randn(100, 10)), batch_size=32):
            step(F.mse_loss(net(x), target[start : start + 32]))
            start += 32
        """,
    "by a position that is moved first": """
        target, start = torch.zeros(100, 3), -32
        for x, in DataLoader(TensorDataset(torch.randn(100, 10)), batch_size=32):
            start += 32
            step(F.mse_loss(net(x), target[start : start + 32]))
        """,
    "by all batches": """
        data = TensorDataset(torch.randn(100, 10), torch.randint(0, 3, (100,)))
        def outputs(loader):
            found = []
            for x, _ in loader:
                found.append(net(x))
            return torch.cat(found)
        def labels(loader):
            found = []
            for _, y in loader:
                found.append(y)
            return torch.cat(found)
        loader, trained = DataLoader(data, batch_size=32), []
        print(F.cross_entropy(outputs(loader), data.tensors[1]), labels(loader) == data.tensors[1])
        print(F.cross_entropy(torch.cat([net(x) for x, _ in loader]), data.tensors[1]))
        for x, y in loader:
            trained.append(net(x))
            step(F.cross_entropy(trained[-1], y))
        print(F.cross_entropy(torch.cat(trained), data.tensors[1]))
        """,
    "by all of many batches": """
        data = TensorDataset(torch.randn(1000, 10), torch.randint(0, 3, (1000,)))
        loader, found, seen = DataLoader(data, batch_size=32), [], []
        for x, y in loader:
            found.append(net(x))
        for x, y in loader:
            seen.append(y)
        print(F.cross_entropy(torch.cat(found), torch.cat(seen)))
        print(F.cross_entropy(torch.cat(found), data.tensors[1]), torch.cat(seen) == data.tensors[1])
        print(F.cross_entropy(torch.cat([net(x) for x, _ in loader]), data.tensors[1]))
        """,
    "by an attribute": """
        class Options:
            width = 10
        lengths, options = torch.randint(1, 9, (4,)), Options()
        options.width = lengths.max().item()
        for x, in DataLoader(TensorDataset(torch.randn(96, 8)[:, : options.width]), batch_size=32):
            print(net(torch.cat([x, torch.zeros(32, 10 - options.width)], dim=1)))
        """,
    "by what was gathered": """
        data, outputs = torch.randn(100, 10), []
        for start in range(0, 100, 32):
            outputs.append(net(data[start : start + 32]))
            if start + 32 >= 100:
                print(F.mse_loss(torch.cat(outputs), torch.zeros(100, 3)))
        print(net(torch.cat(outputs).repeat(1, 4)[:, :10]) + torch.zeros(100, 3))
        """,
}


def errors(lint: Lint, file: Path, *options: str) -> list[tuple[str, str]]:
    found = json.loads(lint("check", "--format", "json", *options, file).stdout)["findings"]
    return [(finding["rule"], finding["message"]) for finding in found if finding["severity"] == "error"]


@pytest.mark.parametrize("name", LATER)
def test_a_call_in_a_later_round(name: str, tmp_path: Path, lint: Lint) -> None:
    script, right, wrong = LATER[name]
    for part, count in ((right, 0), (wrong, 1)):
        (tmp_path / "train.py").write_text(START + dedent(script).replace("@", part))
        assert len(errors(lint, tmp_path / "train.py")) == count


@pytest.mark.parametrize(("rounds", "width", "count"), [(3, 3, 0), (3, 4, 1), (30, 3, 0)])
def test_a_few_rounds_leave_no_doubt(rounds: int, width: int, count: int, tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "train.py").write_text(START + FEW_ROUNDS.format(rounds=rounds, width=width))
    assert len(errors(lint, tmp_path / "train.py")) == count


@pytest.mark.parametrize(("width", "count"), [(10, 0), (11, 1)])
def test_unknown_numbers_in_a_list(width: int, count: int, tmp_path: Path, lint: Lint) -> None:
    script = f"actions = []\nactions.append(net(torch.randn(1, 10)).argmax().item())\nx = torch.randn(1, {width})\n"
    (tmp_path / "train.py").write_text(START + script + "print(F.cross_entropy(net(x), torch.tensor(actions)))")
    assert len(errors(lint, tmp_path / "train.py")) == count


@pytest.mark.parametrize(
    ("case", "where"),
    [
        *(pytest.param(case, "(in the last batch, which has ", id=name) for name, case in LAST_BATCH.items()),
        *(pytest.param(case, "(in the last ", id=name) for name, case in LAST_SLICE.items()),
    ],
)
def test_the_last_round_is_smaller(case: tuple[str, str, str], where: str, tmp_path: Path, lint: Lint) -> None:
    script, right, wrong = case
    (tmp_path / "train.py").write_text(START + dedent(script).replace("@", right))
    assert not errors(lint, tmp_path / "train.py")
    (tmp_path / "train.py").write_text(START + dedent(script).replace("@", wrong))
    [(_, message)] = errors(lint, tmp_path / "train.py")
    assert where in message


@pytest.mark.parametrize(("samples", "count"), [(96, 0), (100, 1)])
def test_a_function_without_gradients(samples: int, count: int, tmp_path: Path, lint: Lint) -> None:
    script = f"""
        @torch.no_grad()
        def loss_on(model, loader):
            total = 0
            for x, y in loader:
                total += F.cross_entropy(model(x), y).item() * len(x)
                total += F.cross_entropy(model(x), torch.zeros(32).long()).item()
            return total
        data = TensorDataset(torch.randn({samples}, 10), torch.zeros({samples}).long())
        print(loss_on(net, DataLoader(data, batch_size=32)))
        """
    (tmp_path / "train.py").write_text(START + dedent(script))
    assert len(errors(lint, tmp_path / "train.py")) == count


@pytest.mark.parametrize(("samples", "count"), [(100, 0), (90, 1)])
def test_all_batches_are_gathered(samples: int, count: int, tmp_path: Path, lint: Lint) -> None:
    script = f"""
        found = []
        for x, in DataLoader(TensorDataset(torch.randn({samples}, 10)), batch_size=32):
            found.append(net(x))
        print(torch.cat(found) + torch.zeros(100, 3))
        """
    (tmp_path / "train.py").write_text(START + dedent(script))
    assert len(errors(lint, tmp_path / "train.py")) == count


@pytest.mark.parametrize("name", COUNTED)
def test_the_last_round_is_as_in_python(name: str, tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "train.py").write_text(START + dedent(COUNTED[name]))
    assert not errors(lint, tmp_path / "train.py")


@pytest.mark.parametrize(
    "script",
    [
        "for n, (x,) in enumerate(DataLoader(TensorDataset(torch.randn(100, 10)), 32)):\n"
        "    if n == 2:\n        break\n    step(F.mse_loss(net(x), torch.ones(32, 3)))",
        "for x, in DataLoader(TensorDataset(torch.randn(100, 10)), 32):\n"
        "    if len(x) < 32:\n        continue\n    step(F.mse_loss(net(x), torch.ones(32, 3)))",
        "import os\nfiles = os.listdir('none')\nfor x, in DataLoader(TensorDataset(torch.randn(len(files), 10)), 32):\n"
        "    step(F.mse_loss(net(x), torch.ones(32, 3)))",
        "for number in range(10):\n    if number < 0:\n        net(torch.randn(2, 11))\n"
        "    step(net(torch.randn(2, 10)).sum())",
    ],
    ids=["a loop that ends earlier", "a batch that is left out", "data of unknown length", "a round that never comes"],
)
def test_what_does_not_happen_is_no_error(script: str, tmp_path: Path, lint: Lint) -> None:
    (tmp_path / "train.py").write_text(START + script)
    assert not errors(lint, tmp_path / "train.py")
