"""Modules that are used through methods other than forward, such as Lightning's steps."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Lint

IMPORTS = """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
import pytorch_lightning as pl
"""
LIGHTNING = """
from torch import nn
class LightningModule(nn.Module):
    def log(self, *args): pass
class LightningDataModule: pass
class Trainer:
    def __init__(self, **options): pass
    def fit(self, *args, **kwargs): raise RuntimeError("it trains")
    test = validate = fit
"""

# The script, what makes it right, what makes it wrong, and the line that fails.
SCRIPTS = {
    "features and a head": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem = nn.Conv2d(3, 16, 3, padding=1)
                self.body = nn.Conv2d(16, 16, 3, @, 1)
                self.head = nn.Linear(16, 10)
            def forward_features(self, x):
                x = self.stem(x)
                return x + self.body(x)
            def classify(self, x):
                return self.head(self.forward_features(x).mean((2, 3)))
        net = Net()
        out = net.classify(torch.randn(2, 3, 32, 32))
        """,
        "1",
        "2",
        "return x + self.body",
    ),
    "an encoder and a decoder": (
        """
        class Auto(nn.Module):
            def __init__(self):
                super().__init__()
                self.enc, self.dec = nn.Linear(784, 32), nn.Linear(@, 784)
            def encode(self, x):
                return self.enc(x.flatten(1))
            def decode(self, z):
                return self.dec(z)
        model = Auto()
        code = model.encode(torch.randn(8, 1, 28, 28))
        again = model.decode(code)
        """,
        "32",
        "16",
        "return self.dec",
    ),
    "a training step": (
        """
        class Lit(pl.LightningModule):
            def __init__(self):
                super().__init__()
                self.first, self.last = nn.Linear(784, 64), nn.Linear(@, 10)
            def training_step(self, batch, batch_idx):
                x, y = batch
                loss = F.cross_entropy(self.last(F.relu(self.first(x.view(x.size(0), -1)))), y)
                self.log("loss", loss)
                return loss
            def configure_optimizers(self):
                return torch.optim.Adam(self.parameters())
        if __name__ == "__main__":
            data = TensorDataset(torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,)))
            trainer = pl.Trainer(max_epochs=1)
            trainer.fit(Lit(), DataLoader(data, batch_size=16))
        """,
        "64",
        "32",
        "loss = F.cross_entropy",
    ),
    "a training step that calls the model, with a batch by name": (
        """
        class Items(torch.utils.data.Dataset):
            def __len__(self):
                return 64
            def __getitem__(self, index):
                return {"image": torch.rand(3, 32, 32), "mask": torch.randint(0, 5, (@32, 32))}
        class Lit(pl.LightningModule):
            def __init__(self):
                super().__init__()
                self.net, self.loss = nn.Conv2d(3, 5, 3, padding=1), nn.CrossEntropyLoss()
            def forward(self, x):
                return self.net(x)
            def training_step(self, batch, batch_idx):
                return self.loss(self(batch["image"]), batch["mask"])
            def configure_optimizers(self):
                return torch.optim.Adam(self.parameters())
        pl.Trainer().fit(Lit(), DataLoader(Items(), batch_size=16))
        """,
        "",
        "1, ",
        "return self.loss",
    ),
    "a validation step and a data module": (
        """
        class Lit(pl.LightningModule):
            def __init__(self):
                super().__init__()
                self.conv, self.skip = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(1, @, 1)
            def validation_step(self, batch, batch_idx):
                x, y = batch
                return self.conv(x) + self.skip(x)
            def configure_optimizers(self):
                return torch.optim.Adam(self.parameters())
        class Data(pl.LightningDataModule):
            def setup(self, stage):
                self.data = TensorDataset(torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,)))
            def val_dataloader(self):
                return DataLoader(self.data, batch_size=16)
        pl.Trainer().validate(Lit(), datamodule=Data())
        """,
        "8",
        "4",
        "return self.conv",
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_call_of_a_method_counts_as_one_of_the_model(name: str, lint: Lint, tmp_path: Path) -> None:
    body, right, wrong, line = SCRIPTS[name]
    (tmp_path / "pytorch_lightning.py").write_text(LIGHTNING)
    for verdict, value in (("right", right), ("wrong", wrong)):
        (tmp_path / f"{verdict}.py").write_text(IMPORTS + dedent(body).strip().replace("@", value) + "\n")
    number = next(
        number for number, text in enumerate((tmp_path / "wrong.py").read_text().splitlines(), 1) if line in text
    )
    report = json.loads(lint(tmp_path / "right.py", tmp_path / "wrong.py", "--format", "json").stdout)
    places = [(Path(each["path"]).name, each["start"]["line"]) for each in report["findings"]]
    assert places == [("wrong.py", number)]
    assert {each["status"] for each in report["modules"]} == {"checked"}


def test_a_method_that_nothing_calls_is_fed_without_trust(lint: Lint, tmp_path: Path) -> None:
    source = """
    class Backbone(nn.Module):
        def __init__(self, width=16):
            super().__init__()
            self.conv = nn.Conv2d(3, width, 3)
        def forward_features(self, x):
            return self.conv(x)
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(7, 5)
            self.second = nn.Linear(4, 5)
        def embed(self, x):
            return self.second(self.first(x))
    class Pictures(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 8, 3), nn.Linear(8, 10)
        def training_step(self, batch, batch_idx):
            x, y = batch
            return F.cross_entropy(self.head(self.conv(x).mean((2, 3))), y)
    class Texts(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Embedding(99, 8), nn.Linear(8, 10)
        def validation_step(self, batch, batch_idx):
            return self.head(self.embed(batch["input_ids"]).mean(1)).argmax(-1)
    class Never(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 8, 3), nn.Linear(9, 10)
        def training_step(self, batch, batch_idx):
            x, y = batch
            return F.cross_entropy(self.head(self.conv(x).mean((2, 3))), y)
    """
    (tmp_path / "backbone.py").write_text(IMPORTS.replace("import pytorch_lightning as pl", "") + dedent(source))
    report = json.loads(lint(tmp_path / "backbone.py", "--format", "json").stdout)
    assert report["findings"] == []
    assert {each["target"].split("::")[1]: each["status"] for each in report["modules"]} == {
        "Backbone": "checked",
        "Odd": "skipped",
        "Pictures": "checked",
        "Texts": "checked",
        "Never": "skipped",
    }


@pytest.mark.parametrize(("features", "errors"), [(64, 0), (32, 1)])
def test_a_call_method_of_the_class_itself(lint: Lint, tmp_path: Path, features: int, errors: int) -> None:
    (tmp_path / "value.py").write_text(
        dedent(f"""
        import torch
        from torch import nn
        class Value(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.Sequential(nn.Linear(32, 64), nn.Linear({features}, 1))
            def __call__(self, x):
                return self.layers(x).squeeze(-1)
        def build_value():
            return Value()
        def example_input():
            return torch.randn(4, 32)
        if __name__ == "__main__":
            build_value()(example_input())
        """)
    )
    result = lint(tmp_path, "--format", "json")
    assert result.exit_code == min(errors, 1), result.stderr
    assert len([each for each in json.loads(result.stdout)["findings"] if each["severity"] == "error"]) == errors
