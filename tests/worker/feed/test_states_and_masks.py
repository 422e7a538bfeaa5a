"""Inputs whose shapes depend on others: states of recurrent layers, masks, and their use in scripts."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Lint

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
MODELS = {
    "the two states of an LSTM, the batch second": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed = nn.Embedding(50, 20)
                self.rnn = nn.LSTM(20, 30, 2)
                self.out = nn.Linear(30, 50)
            def forward(self, input, hidden):
                x = self.embed(input)
                x = x + self.out(x)[..., :@] if x.shape[-1] == 30 else x
                output, hidden = self.rnn(x, hidden)
                return self.out(output).view(-1, 50) + torch.zeros(50), hidden[0]
        """,
    "the state of a GRU, the batch first": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.rnn = nn.GRU(8, 12, batch_first=True, bidirectional=True)
                self.out = nn.Linear(24, 3)
            def forward(self, x, h0):
                return self.out(self.rnn(x, h0)[0])
        """,
    "a mask of an encoder, computed on the way": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4), 1)
            def forward(self, src):
                mask = torch.log(torch.tril(torch.ones(len(src), len(src))))
                return self.encoder(src, mask=mask)
        """,
    "a mask with a value for every step of a sequence": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.norm = nn.Linear(32, 32)
            def forward(self, x, mask):
                q = self.norm(x).view(x.size(0), -1, 4, 8).transpose(1, 2)
                scores = q.matmul(q.transpose(2, 3)).masked_fill(mask[:, None].unsqueeze(1) == 0, -1e9)
                return scores.softmax(-1).matmul(q).transpose(1, 2).contiguous().view(x.size(0), -1, 32)
        """,
    "masks that may be left out": """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed = nn.Embedding(50, 32)
                self.transformer = nn.Transformer(32, 4, 1, 1, 64)
            def forward(self, src, trg, src_mask, tgt_mask, src_padding_mask, memory_key_padding_mask):
                return self.transformer(self.embed(src), self.embed(trg), src_mask, tgt_mask, None, src_padding_mask,
                                        memory_key_padding_mask)
        """,
}


def check(lint: Lint, folder: Path, source: str) -> tuple[str, list[str]]:
    path = folder / "model.py"
    path.write_text(HEAD + dedent(source))
    report = json.loads(lint(path, "--format", "json").stdout)
    return report["modules"][0]["status"], [f["rule"] for f in report["findings"] if not f["rule"].startswith("RL0")]


@pytest.mark.parametrize("source", MODELS.values(), ids=MODELS)
def test_what_a_model_needs_beside_its_input(lint: Lint, tmp_path: Path, source: str) -> None:
    assert check(lint, tmp_path, source.replace("@", "30")) == ("checked", [])


def test_a_state_that_the_file_gives_decides(lint: Lint, tmp_path: Path) -> None:
    source = MODELS["the state of a GRU, the batch first"] + (
        "\n        Net()(torch.randn(4, 5, 8), torch.zeros(2, @, 12))\n"
    )
    assert check(lint, tmp_path, source.replace("@", "4")) == ("checked", [])
    assert check(lint, tmp_path, source.replace("@", "5"))[1] != []


SETTINGS = """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--data", required=True)
        parser.add_argument("--width", type=int, default=12)
        args = parser.parse_args()
        if args.data == "faces":
            channels = 3
        elif args.data == "digits":
            channels = 1
        args.classes = len(open("labels.txt").readlines())

        class Net(nn.Module):
            def __init__(self, settings):
                super().__init__()
                self.conv = nn.Conv2d(channels, settings.width, 3)
                self.head = nn.Conv2d(@, settings.classes, 1)
            def forward(self, x):
                return self.head(self.conv(x))

        net = Net(args)
"""


def test_settings_that_the_script_reads_from_data(lint: Lint, tmp_path: Path) -> None:
    assert check(lint, tmp_path, SETTINGS.replace("@", "12")) == ("checked", [])
    assert check(lint, tmp_path, SETTINGS.replace("@", "10")) == ("failed", [])  # 12 may be what is invented


def test_a_word_with_which_the_script_compares_an_argument(lint: Lint, tmp_path: Path) -> None:
    source = SETTINGS.replace('args.classes = len(open("labels.txt").readlines())', "args.classes = 7")
    assert check(lint, tmp_path, source.replace("@", "12")) == ("checked", [])
    assert check(lint, tmp_path, source.replace("@", "10")) == ("checked", ["RL301"])
