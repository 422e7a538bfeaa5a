"""Calls at module level take precedence over guessed inputs."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import Result
from conftest import Lint

NET = """
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

class Net(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(16 * 16 * 16, num_classes)
    def forward(self, x):
        x = self.pool(F.relu(self.conv(x)))
        return self.fc(x.flatten(1))
"""

# The script, what makes it right, what makes it wrong, the line that fails, and the rule.
SCRIPTS = {
    "a call": ("out = Net()(torch.randn(4, 3, @, @))", "32", "28", "return self.fc", "RL301"),
    "a penalty on gradients": (
        "def penalty(net, x):\n    x = x.clone().requires_grad_(True)\n    out = net(x)\n"
        "    grad = torch.autograd.grad(outputs=out.sum(), inputs=x, create_graph=True)[0]\n"
        "    return ((grad.flatten(1).norm(2, dim=1) - 1) ** 2).mean()\n"
        "penalty(Net(1), torch.randn(4, 3, @, @)).backward()",
        "32",
        "28",
        "return self.fc",
        "RL301",
    ),
    "pieces from random places": (
        "data = torch.randn(3, 900, @)\nplaces = torch.randint(800, (4,))\n"
        "out = Net()(torch.stack([data[:, i : i + @] for i in places]))",
        "32",
        "28",
        "return self.fc",
        "RL301",
    ),
    "a criterion whose weights are in a file": (
        "import json\nweight = torch.tensor(json.load(open('weights.json')))\n"
        "criterion = nn.CrossEntropyLoss(weight=weight)\nnet = Net()\n"
        "def train(net, criterion):\n"
        "    for x, y in DataLoader(TensorDataset(torch.randn(8, 3, @, @), torch.zeros(8).long()), batch_size=4):\n"
        "        loss = criterion(net(x), y)\n        loss.backward()\ntrain(net, criterion)",
        "32",
        "28",
        "return self.fc",
        "RL301",
    ),
    "a function that returns from a loop": (
        "def first(sides):\n    seen = []\n    for side in sides:\n        seen.append(side)\n"
        "        if len(seen) > 1:\n            return False\n    return Net()(torch.randn(4, 3, @, @))\nfirst([1])",
        "32",
        "28",
        "return self.fc",
        "RL301",
    ),
    "a call without a gradient": (
        "net = Net().eval()\nwith torch.no_grad():\n    out = net(torch.randn(4, 3, @, @))",
        "32",
        "28",
        "return self.fc",
        "RL301",
    ),
    "a training loop": (
        """
        BATCH, SIZE = 8, @
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        data = TensorDataset(torch.randn(64, 3, SIZE, SIZE), torch.randint(0, 10, (64,)))
        loader = DataLoader(data, batch_size=BATCH, shuffle=True)
        model = nn.DataParallel(Net().to(device))
        model = torch.compile(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        model.train()
        for epoch in range(2):
            for i, (x, y) in enumerate(loader):
                x, y = x.to(device), y.to(device)
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
            print(f"{epoch}: {loss.item():.3f}")
        """,
        "32",
        "64",
        "return self.fc",
        "RL301",
    ),
    "a data set of the file, whose labels are random": (
        """
        class Images(torch.utils.data.Dataset):
            def __len__(self):
                return 100
            def __getitem__(self, index):
                return torch.randn(3, @, @), torch.randint(0, 10, (1,)).item()
        def train(epochs=2):
            model = Net()
            for _ in range(epochs):
                for images, labels in DataLoader(Images(), batch_size=4, shuffle=True):
                    F.cross_entropy(model(images), labels).backward()
        if __name__ == "__main__":
            train()
        """,
        "32",
        "28",
        "return self.fc",
        "RL301",
    ),
    "images of random sizes": (
        """
        size = int(torch.randint(@, @ + 1, (1,)))
        Net()(torch.randn(4, 3, size, size))
        """,
        "32",
        "28",
        "return self.fc",
        "RL301",
    ),
    "a policy that samples its actions": (
        """
        class Policy(Net):
            def forward(self, x):
                return torch.distributions.Categorical(logits=super().forward(x))
        actions = Policy()(torch.randn(4, 3, @, @))
        actions.log_prob(actions.sample()).mean().backward()
        """,
        "32",
        "28",
        "return self.fc",
        "RL301",
    ),
    "a device by its name": (
        """
        device = "cuda" if torch.cuda.is_available() else "cpu"
        net = Net().to(device)
        x = torch.randn(4, 3, @, @)
        x = x.to(device).to(device="cpu")
        out = net(x)
        """,
        "32",
        "28",
        "return self.fc",
        "RL301",
    ),
    "a while loop": (
        """
        net, episode = Net(), 0
        while True:
            out = net(torch.randn(4, 3, @, @))
            episode += 1
            if episode > 10:
                break
        """,
        "32",
        "28",
        "return self.fc",
        "RL301",
    ),
    "a layer that refuses its arguments": (
        """
        class Block(nn.Module):
            def __init__(self, width, heads):
                super().__init__()
                self.attention = nn.TransformerEncoderLayer(width, heads, 32, batch_first=True)
            def forward(self, x):
                return self.attention(x)
        try:
            Block(16, 5)
        except AssertionError as error:
            print(error)
        out = Block(16, @)(torch.randn(2, 7, 16))
        """,
        "4",
        "3",
        "self.attention = nn",
        "RL404",
    ),
    "a function that trains": (
        """
        def train(model, batches):
            for x, y in batches:
                loss = F.cross_entropy(model(x), y)
                loss.backward()
            return loss.item()
        model = Net(num_classes=@)
        print(train(model, [(torch.randn(4, 3, 32, 32), torch.rand(4, 5))]))
        """,
        "5",
        "10",
        "loss = F.cross_entropy",
        "RL303",
    ),
    "a layer that is replaced": (
        """
        model = Net()
        before = model(torch.randn(1, 3, 32, 32))
        model.fc = nn.Linear(@, 3)
        after = model(torch.randn(1, 3, 32, 32))
        """,
        "16 * 16 * 16",
        "16 * 8 * 8",
        "return self.fc",
        "RL301",
    ),
    "a command line": (
        """
        parser = argparse.ArgumentParser()
        parser.add_argument("--size", type=int, default=@)
        parser.add_argument("--data", required=True)
        parser.add_argument("--seed", type=int)
        opt = parser.parse_args()
        if opt.seed is None:
            opt.seed = 3
        out = Net()(torch.randn(2, 3, opt.size, opt.size))
        """,
        "32",
        "40",
        "return self.fc",
        "RL301",
    ),
    "a loss": (
        "loss = nn.BCEWithLogitsLoss()(Net(1)(torch.rand(6, 3, 32, 32)), torch.rand(@))",
        "6, 1",
        "6",
        "loss = nn.BCE",
        "RL303",
    ),
    "a loss that is not reduced": (
        "target = torch.randn(@, 10)\nloss = (Net()(torch.randn(@, 3, 32, 32)) - target) ** 2\n"
        "loss = loss.sum(1)\nloss.backward()",
        "1",
        "4",
        "loss.backward()",
        "RL303",
    ),
    "weights of a model of another width": (
        "net, other = Net(5), Net(@)\ntry:\n    other.load_state_dict({'fc.bias': torch.ones(7)}, strict=False)\n"
        "except RuntimeError:\n    pass\nnet.load_state_dict(other.state_dict())\nout = net(torch.randn(2, 3, 32, 32))",
        "5",
        "7",
        "net.load_state_dict(other",
        "RL404",
    ),
    "a class that trains": (
        """
        class Trainer:
            def __init__(self, model):
                self.model = model
                self.optimizer = torch.optim.Adam(model.parameters())
            def fit(self, loader, epochs):
                for _ in range(epochs):
                    for x, y in loader:
                        loss = F.nll_loss(self.model(x).log_softmax(1), y)
                        loss.backward()
                        self.optimizer.step()
        def main():
            data = TensorDataset(torch.randn(32, @, 32, 32), torch.randint(0, 10, (32,)))
            Trainer(Net()).fit(DataLoader(data, batch_size=8), 20)
        if __name__ == "__main__":
            main()
        """,
        "3",
        "1",
        "self.pool(F.relu(self.conv",
        "RL301",
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_decides(name: str, lint: Lint, tmp_path: Path) -> None:
    body, right, wrong, line, rule = SCRIPTS[name]
    sources = {
        verdict: NET + dedent(body).strip().replace("@", value) + "\n"
        for verdict, value in (("right", right), ("wrong", wrong))
    }
    for verdict, source in sources.items():
        (tmp_path / f"{verdict}.py").write_text(source)
    lines = sources["wrong"].splitlines()
    number = next(number for number, text in enumerate(lines, 1) if line in text)
    assert places(lint(tmp_path, "--format", "json")) == [("wrong.py", number, rule)]


def places(result: Result) -> list[tuple[str, int, str]]:
    findings = json.loads(result.stdout)["findings"]
    return [(Path(finding["path"]).name, finding["start"]["line"], finding["rule"]) for finding in findings]


QUIET = {
    "numbers that only the command line gives": """
        parser = argparse.ArgumentParser()
        parser.add_argument("--size", type=int, required=True)
        parser.add_argument("--classes", type=int, required=True)
        args = parser.parse_args()
        x = torch.randn(2, 3, args.size, args.size)
        def main(args):
            F.cross_entropy(Net(args.classes)(torch.randn(2, 3, 32, 32)), torch.tensor([1, 2]))
        Net()(x)
        main(args)
    """,
    "what later rounds of a loop change": """
        width = 1
        while width < 64:
            width *= 2
        depth = 3
        for _ in range(3):
            depth = depth + 8
        x = torch.randn(2, 4)
        for layer in [nn.Linear(size, 2 * size) for size in (4, 8)]:
            x = layer(x)
        nn.Linear(width, 3)(torch.randn(2, 64))
        nn.Linear(depth, 3)(torch.randn(2, 27))
        nn.Linear(16, 3)(x)
        Net()(torch.randn(2, 3, 32, 32))
    """,
    "layers that a loop gathers": """
        layers = [nn.Conv2d(3, 8, 3, padding=1)]
        for number in range(4):
            layers.append(nn.Conv2d(8 + number, 9 + number, 3, padding=1))
        def blocks(width, count):
            made = []
            for _ in range(count):
                made += [nn.Conv2d(width, width + 1, 1)]
                width += 1
            return made
        net = nn.Sequential(*layers, *blocks(12, 5), nn.Conv2d(17, 3, 1))
        out = net(torch.randn(2, 3, 32, 32))
        more = Net()(out)
    """,
    "an unknown condition that changes the model": """
        with open("config.yaml") as file:
            config = argparse.Namespace(small=file.read())
        model = Net()
        if config.small:
            model.fc = nn.Linear(7, 7)
        out = model(torch.randn(2, 3, 32, 32))
    """,
    "an input that cannot be prepared": """
        x = torch.randn(2, 3, 64, 64)
        x = x[: int(open("sizes.txt").read())]
        out = Net()(x)
    """,
    "a failure that is shown on purpose": """
        try:
            Net()(torch.randn(2, 3, 64, 64))
        except RuntimeError as error:
            print(error)
    """,
    "values of a real run only": """
        sizes = torch.tensor([32, 32])
        out = Net()(torch.randn(2, 3, int(sizes[0]), int(sizes[1])))
    """,
    "lengths that must not be zero": """
        from torch.nn.utils.rnn import pack_padded_sequence
        ids = torch.randint(1, 50, (4, 9))
        packed = pack_padded_sequence(torch.randn(4, 9, 16), (ids != 0).sum(1), batch_first=True, enforce_sorted=False)
        out = Net()(torch.randn(2, 3, 32, 32))
    """,
    "a slice from a place in a matrix": """
        start = torch.randint(800, (1, 1))[0, 0]
        out = Net()(torch.randn(2, 3, 900, 32)[:, :, start : start + 32])
    """,
    "a registry that decorators fill": """
        REGISTRY = {}
        def register(cls):
            REGISTRY[cls.__name__] = cls
            return cls
        @register
        class Wide(Net):
            pass
        out = REGISTRY["Wide"]()(torch.randn(2, 3, 32, 32))
    """,
}


def test_what_rests_on_unknown_values_is_no_finding(lint: Lint, tmp_path: Path) -> None:
    for number, body in enumerate(QUIET.values()):
        (tmp_path / f"quiet{number}.py").write_text(NET + dedent(body))
    assert places(lint(tmp_path, "--format", "json")) == []


MODELS_OF_OTHERS = {
    "a layer that is replaced": (
        """
        import torch
        from torch import nn
        encoder = nn.TransformerEncoderLayer(16, 4, batch_first=True)
        encoder.linear2 = nn.Linear(@, 16)
        out = encoder(torch.randn(2, 5, 16))
    """,
        "2048",
        "1024",
        "out = encoder",
    ),
    "the layers of another model": (
        """
        import torch
        from torch import nn
        def main():
            net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
            head = nn.Sequential(*list(net.children())[:@], nn.Linear(8, 2))
            loss = nn.CrossEntropyLoss()(head(torch.randn(4, 3, 9, 9)), torch.randint(0, 2, (4,)))
            loss.backward()
        if __name__ == "__main__":
            main()
    """,
        "-1",
        "-2",
        "loss = nn.Cross",
    ),
    "a class of another file": (
        """
        import torch
        from shared_layers import Head
        out = Head(3)(torch.zeros(4, @))
    """,
        "64",
        "32",
        None,
    ),
}
LAYERS = """
from torch import nn
class Head(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.fc = nn.Linear(64, classes)
    def forward(self, x):
        return self.fc(x)
"""


@pytest.mark.parametrize("name", MODELS_OF_OTHERS)
def test_models_are_checked_whoever_wrote_their_class(name: str, lint: Lint, tmp_path: Path) -> None:
    source, right, wrong, line = MODELS_OF_OTHERS[name]
    (tmp_path / "shared_layers.py").write_text(LAYERS)
    for verdict, value in (("right", right), ("wrong", wrong)):
        (tmp_path / f"{verdict}.py").write_text(dedent(source).replace("@", value))
    lines = (tmp_path / "wrong.py").read_text().splitlines()
    number = next((number for number, text in enumerate(lines, 1) if line is not None and line in text), None)
    expected = ("wrong.py", number, "RL301") if number is not None else ("shared_layers.py", 8, "RL301")
    assert places(lint(tmp_path, "--format", "json")) == [expected]


def test_a_file_that_builds_nothing_of_torch_is_passed_over(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "plot.py").write_text("import torch\nx = torch.linspace(0, 1, 5)\nprint(x.mean())\n")
    result = lint(tmp_path)
    assert "no nn.Module class in 1 Python file" in result.stdout
    assert result.exit_code == 0
    assert lint(tmp_path, "--fail-on", "warning").exit_code == 1


def test_each_class_says_what_it_was_fed(lint: Lint, tmp_path: Path) -> None:
    script = f"{NET}out = Net()(torch.randn(4, 3, 32, 32))\n"
    (tmp_path / "script.py").write_text(script)
    (tmp_path / "plain.py").write_text(NET.replace("16 * 16 * 16", "16 * 112 * 112"))
    line = len(script.splitlines())
    modules = json.loads(lint(tmp_path, "--format", "json").stdout)["modules"]
    fed = {module["target"].rpartition("/")[2].partition(":")[0]: module["input"] for module in modules}
    assert fed["script.py"] == {"fed": "x=4x3x32x32", "from": f"line {line}"}
    assert fed["plain.py"]["from"] == "invented"
    path = tmp_path / "plain.py"
    [module] = json.loads(lint(path, "--input", "x=2x3x224x224", "--format", "json").stdout)["modules"]
    assert module["input"] == {"fed": "x=2x3x224x224", "from": "--input"}
    assert f"fed x=4x3x32x32 (line {line})" in lint(tmp_path / "script.py", "--verbose").stdout


@pytest.mark.parametrize(("name", "rules"), [("value_head", []), ("valuehead", ["RL404"])])
def test_an_attribute_that_is_misspelt(name: str, rules: list[str], lint: Lint, tmp_path: Path) -> None:
    policy = f"""
    class Policy(nn.Module):
        def __init__(self):
            super().__init__()
            self.value_head = nn.Linear(4, 1)
        def forward(self, x):
            return self.{name}(x)
    value = Policy()(torch.randn(4))
    """
    (tmp_path / "policy.py").write_text(NET + dedent(policy))
    assert [rule for _, _, rule in places(lint(tmp_path, "--format", "json"))] == rules


def test_a_device_by_its_number_and_a_train_of_the_users(lint: Lint, tmp_path: Path) -> None:
    source = """
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 3)
            def forward(self, x):
                return self.conv(x).relu_()
            def train(self, positive, negative):
                return self(positive) - self(negative)

        net, rank = Net(), 0
        out = net(torch.randn(2, 3, @, @, device=rank))
        nn.MSELoss()(out, torch.randn(2, 8, 6, 6).to(rank))
        """
    for size, wrong in ((8, False), (9, True)):
        path = tmp_path / "model.py"
        path.write_text(dedent(source).replace("@", str(size)))
        result = lint(path, "--format", "json")
        errors = [f for f in json.loads(result.stdout)["findings"] if f["severity"] == "error"]
        assert (result.exit_code, bool(errors)) == (int(wrong), wrong)
