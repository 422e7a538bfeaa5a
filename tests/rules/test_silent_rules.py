"""Each rule on silent mistakes through the command line: a wrong file, its repair, and what `--fix` makes of it.

All files are checked in one run each of `check`, `--fix` and `--fix --unsafe-fixes`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from conftest import Lint, command_line
from fixing import build

from resnet_lint.front.workers.worker_client import WorkerClient

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"


@dataclass(frozen=True)
class Mistake:
    """A block with a mistake: its constructor and its forward, with `wrong` where `right` ought to be.

    The finding is on the line `at`, by default the wrong one. `fix` says what `--fix` does: nothing for a suggestion.
    """

    rule: str
    name: str
    init: tuple[str, ...]
    forward: tuple[str, ...]
    wrong: str
    right: str
    fix: Literal["safe", "unsafe"] | None = None
    at: str | None = None
    shape: tuple[int, ...] = (2, 8, 9, 7)

    def __str__(self) -> str:
        return f"{self.rule.lower()}_{self.name}"

    @property
    def bad(self) -> str:
        init = "".join(f"        {line}\n" for line in self.init)
        forward = "".join(f"        {line}\n" for line in self.forward)
        return (
            f"{HEAD}class ResidualBlock(nn.Module):\n    def __init__(self):\n        super().__init__()\n{init}\n"
            f"    def forward(self, x):\n{forward}\n\nif __name__ == '__main__':\n"
            f"    ResidualBlock()(torch.randn{self.shape})\n"
        )

    @property
    def good(self) -> str:
        assert self.bad.count(self.wrong) == 1
        return self.bad.replace(self.wrong, self.right)

    @property
    def line(self) -> int:
        [number] = [n for n, line in enumerate(self.bad.splitlines(), 1) if (self.at or self.wrong) in line]
        return number


CONV = "self.conv = nn.Conv2d(8, 8, 3, padding=1)"
SHORTCUT = "self.shortcut = nn.Conv2d(8, 8, 1)"
LAYERS = "[nn.Conv2d(8, 8, 3, padding=1) for _ in range(3)]"
POOL = "self.pool = nn.AdaptiveAvgPool2d(1)"
LOOP = ("for layer in self.layers:", "    x = x + layer(x)", "return x")

MISTAKES = [
    Mistake(
        "RL201", "one_channel",
        (CONV, "self.shortcut = nn.Conv2d(8, 1, 1)"), ("return self.conv(x) + self.shortcut(x)",),
        "nn.Conv2d(8, 1, 1)", "nn.Conv2d(8, 8, 1)", at="return",
    ),
    Mistake(
        "RL201", "column_and_row",
        ("self.fc = nn.Linear(8, 1)",), ("return x[:, -1] + self.fc(x)",),
        "x[:, -1] +", "x[:, -1:] +", shape=(6, 8),
    ),
    Mistake(
        "RL202", "saved_too_late",
        (CONV,), ("x = self.conv(x)", "return x + x"),
        "return x + x", "return x + self.conv(x)",
    ),
    Mistake(
        "RL203", "layer",
        ("self.act = nn.ReLU(inplace=True)", CONV), ("out = self.conv(self.act(x))", "return out + x"),
        "inplace=True", "inplace=False", "unsafe", at="return",
    ),
    Mistake(
        "RL203", "augmented",
        (CONV,), ("out = x", "out += 1 - x.sigmoid()", "return self.conv(out) + x"),
        "out += 1 - x.sigmoid()", "out = out + (1 - x.sigmoid())", "unsafe",
    ),
    Mistake(
        "RL203", "method",
        (CONV,), ("out = x.clamp_(min=0)", "return self.conv(out) + x"),
        "x.clamp_(min=0)", "x.clamp(min=0)", "unsafe",
    ),
    Mistake(
        "RL203", "function",
        (CONV,), ("out = F.leaky_relu(x, 0.1, inplace=True)", "return self.conv(out) + x"),
        "inplace=True", "inplace=False", "unsafe",
    ),
    Mistake(
        "RL204", "addition",
        (CONV,), ("out = torch.sigmoid(self.conv(x))", "out += x", "return out"),
        "out += x", "out = out + x", "safe",
    ),
    Mistake(
        "RL204", "statement",
        (CONV,), ("out = self.conv(x).tanh()", "out.add_(x)", "return out"),
        "out.add_(x)", "out = out.add(x)", "safe",
    ),
    Mistake(
        "RL204", "layer",
        (CONV, "self.gate = nn.Sigmoid()", "self.act = nn.ELU(1.0, True)"),
        ("return self.act(self.gate(self.conv(x))) + x",),
        "nn.ELU(1.0, True)", "nn.ELU(1.0, False)", "safe", at="return",
    ),
    Mistake(
        "RL205", "product",
        (CONV,), ("identity = x", "out = F.relu(self.conv(x))", "return identity * out"),
        "identity * out", "identity + out",
    ),
    Mistake(
        "RL206", "plain_input_added",
        (CONV, SHORTCUT), ("out = self.conv(x)", "out += x", "return F.relu(out)"),
        "out += x", "out += self.shortcut(x)", "unsafe", at=SHORTCUT,
    ),
    Mistake(
        "RL206", "nothing_added",
        (CONV, SHORTCUT), ("return F.relu(self.conv(x))",),
        "F.relu(self.conv(x))", "F.relu(self.conv(x) + self.shortcut(x))", at=SHORTCUT,
    ),
    Mistake(
        "RL207", "method",
        (CONV,), ("out = self.conv(x)", "out.add(x)", "return F.relu(out)"),
        "out.add(x)", "out = out.add(x)", "unsafe",
    ),
    Mistake(
        "RL207", "function",
        (CONV,), ("out = self.conv(x) + x", "F.relu(out)", "return out"),
        "        F.relu(out)", "        out = F.relu(out)", "unsafe",
    ),
    Mistake(
        "RL207", "overwritten",
        (CONV, SHORTCUT), ("out = self.conv(x)", "out = F.relu(self.shortcut(x))", "return out + x"),
        "self.shortcut(x)", "self.shortcut(out)", "unsafe",
    ),
    Mistake(
        "RL208", "by_variable",
        (CONV,), ("identity = x", "out = self.conv(x)", "return F.relu(out)"),
        "F.relu(out)", "F.relu(out + identity)", at="identity = x",
    ),
    Mistake(
        "RL208", "by_name",
        (CONV, SHORTCUT), ("out = self.conv(x)", "out = self.shortcut(F.relu(out))", "return F.relu(out)"),
        "return F.relu(out)", "return F.relu(out).add(x)",
    ),
    Mistake(
        "RL209", "in_a_row",
        (CONV,), ("out = self.conv(x) + x", "return out + x"),
        "return out + x", "return out",
    ),
    Mistake(
        "RL210", "detached",
        (CONV,), ("return self.conv(x) + x.detach()",),
        "x.detach()", "x",
    ),
    Mistake(
        "RL210", "no_grad",
        (CONV, SHORTCUT), ("with torch.no_grad():", "    out = self.shortcut(x)", "return self.conv(x) + out"),
        "with torch.no_grad():", "if True:", at="out = self.shortcut(x)",
    ),
    Mistake(
        "RL211", "gate",
        (CONV, "self.fc = nn.Linear(8, 8)"), ("h = self.conv(x)", "gate = self.fc(h.mean((2, 3)))", "return h * gate"),
        "h * gate", "h * gate[:, :, None, None]", "unsafe", shape=(4, 8, 4, 8),
    ),
    Mistake(
        "RL211", "product",
        ("self.q = nn.Linear(16, 16)",), ("q = self.q(x)", "scores = q.transpose(1, 2) @ q", "return x + scores @ x"),
        "scores @ x", "(scores @ x.transpose(1, 2)).transpose(1, 2)", shape=(2, 16, 16),
    ),
    Mistake(
        "RL305", "image_of_an_argument",
        ("self.fc = nn.Linear(12, 7)",), ("b, c, h, w = x.shape", "return self.fc(x.view(b, h * w, c))"),
        "x.view(b, h * w, c)", "x.permute(0, 2, 3, 1).reshape(b, h * w, c)", "unsafe", shape=(2, 12, 8, 8),
    ),
    Mistake(
        "RL305", "heads",
        ("self.q = nn.Linear(16, 16)",), ("n, t, c = x.shape", "q = self.q(x).view(n, 4, t, 4)", "return q @ q.mT @ q"),
        ".view(n, 4, t, 4)", ".view(n, t, 4, 4).transpose(1, 2)", shape=(2, 7, 16),
    ),
    Mistake(
        "RL305", "exchanged_sizes",
        ("self.fc, self.table = nn.Linear(8, 8), nn.Parameter(torch.zeros(6, 8))",),
        (
            "x = x + self.table",
            "q = self.fc(x).view(x.size(0), 6, 2, 4)",
            "q = q.reshape(x.size(0), 2, 6, 4)",
            "return x + (q @ q.mT @ q).transpose(1, 2).flatten(2)",
        ),
        "q.reshape(x.size(0), 2, 6, 4)", "q.transpose(1, 2)", shape=(3, 6, 8),
    ),
    Mistake(
        "RL305", "weights_of_an_einstein_sum",
        ("self.qkv = nn.Linear(8, 24)",),
        (
            "q, k, v = self.qkv(x).chunk(3, -1)",
            "weights = torch.einsum('bid,bjd->bij', q, k).softmax(1)",
            "return x + torch.einsum('bij,bjd->bid', weights, v)",
        ),
        ".softmax(1)", ".softmax(2)", shape=(2, 5, 8),
    ),
    Mistake(
        "RL305", "weights_that_are_transposed",
        ("self.qkv = nn.Linear(8, 24)",),
        (
            "q, k, v = self.qkv(x).chunk(3, -1)",
            "weights = (q @ k.mT).softmax(1)",
            "return x + (v.mT @ weights.permute(0, 2, 1)).mT",
        ),
        ".softmax(1)", ".softmax(2)", shape=(2, 5, 8),
    ),
    Mistake(
        "RL211", "heads_in_front_of_the_batch",
        ("self.q, self.k = nn.Linear(8, 8), nn.Linear(8, 8)",),
        (
            "n, t, c = x.shape",
            "q = self.q(x).view(n, t, 2, 4).permute(2, 0, 1, 3)",
            "k = self.k(x).view(n, t, 2, 4).permute(0, 2, 3, 1)",
            "return (q @ k).softmax(-1)",
        ),
        "permute(2, 0, 1, 3)", "permute(0, 2, 1, 3)", shape=(2, 5, 8),
    ),
    Mistake(
        "RL211", "heads_in_front_of_the_batch_of_an_attention",
        ("self.q, self.k = nn.Linear(8, 8), nn.Linear(8, 8)",),
        (
            "n, t, c = x.shape",
            "q = self.q(x).view(n, t, 2, 4).permute(2, 0, 1, 3)",
            "k = self.k(x).view(n, t, 2, 4).permute(0, 2, 1, 3)",
            "return F.scaled_dot_product_attention(q, k, k)",
        ),
        "permute(2, 0, 1, 3)", "permute(0, 2, 1, 3)", shape=(2, 5, 8),
    ),
    Mistake(
        "RL306", "recurrent_layer",
        ("self.conv, self.rnn = nn.Conv1d(8, 640, 1), nn.LSTM(640, 640)",),
        ("x = self.conv(x).transpose(1, 2)", "return self.rnn(x)[0]"),
        "nn.LSTM(640, 640)", "nn.LSTM(640, 640, batch_first=True)", at="self.rnn(x)[0]", shape=(2, 8, 9),
    ),
    Mistake(
        "RL212", "scaled_and_in_windows",
        (
            "self.attn, self.scale = nn.MultiheadAttention(8, 2, batch_first=True), nn.Parameter(torch.ones(8))",
            "self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))",
            "self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)",
        ),
        (
            "y = self.norm1(x).view(-1, 4, 8)",
            "y = self.attn(y, y, y)[0].view(x.shape)",
            "x = self.scale * y",
            "return x + self.scale * self.mlp(self.norm2(x))",
        ),
        "x = self.scale * y", "x = x + self.scale * y", at="self.attn(", shape=(2, 16, 8),
    ),
    Mistake(
        "RL305", "row_of_a_table",
        ("self.fc = nn.Linear(8, 8)", "self.table = nn.Parameter(torch.zeros(1, 64, 8))"),
        ("return self.fc(x) + self.table[:, x.shape[1], :]",),
        "x.shape[1], :]", ":x.shape[1], :]", "unsafe", shape=(2, 10, 8),
    ),
    Mistake(
        "RL212", "beside_keys_with_positions",
        (
            "self.attn, self.drop = nn.MultiheadAttention(8, 2, batch_first=True), nn.Dropout(0.1)",
            "self.fc1, self.fc2, self.table = nn.Linear(8, 9), nn.Linear(9, 8), nn.Parameter(torch.zeros(5, 8))",
            "self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)",
        ),
        (
            "q = x + self.table",
            "x = self.norm1(x + self.drop(self.attn(q, q, x)[0]))",
            "y = self.fc2(torch.relu(self.fc1(x)))",
            "x = self.drop(y)",
            "return self.norm2(x)",
        ),
        "x = self.drop(y)", "x = x + self.drop(y)", shape=(2, 5, 8),
    ),
    Mistake(
        "RL305", "attention_in_a_container",
        ("layers = [nn.TransformerEncoderLayer(8, 2) for _ in range(2)]", "self.conv = nn.Conv1d(8, 8, 1)",
         "self.body = nn.Sequential(*layers)"),
        ("x = self.conv(x).transpose(1, 2)", "return self.body(x)"),
        "nn.TransformerEncoderLayer(8, 2)", "nn.TransformerEncoderLayer(8, 2, batch_first=True)",
        at="self.body(x)", shape=(3, 8, 7),
    ),
    Mistake(
        "RL304", "squeeze",
        (CONV, POOL), ("return self.pool(self.conv(x) + x).squeeze()",),
        ".squeeze()", ".flatten(1)", "safe",
    ),
    Mistake(
        "RL304", "view",
        (CONV, POOL), ("x = self.pool(self.conv(x) + x)", "return x.view(2, -1)"),
        "x.view(2, -1)", "x.flatten(1)", "safe",
    ),
    Mistake(
        "RL304", "rows_written_in",
        ("self.fc = nn.Linear(8, 8)",), ("x = x + self.fc(x)", "return x.view(4, 2, 4)"),
        "x.view(4, 2, 4)", "x.view(x.size(0), 2, 4)", shape=(4, 8),
    ),
    Mistake(
        "RL305", "view_for_transpose",
        (CONV, "self.fc = nn.Linear(8, 8)"), ("x = x + self.conv(x)", "return self.fc(x.view(x.size(0), -1, 8))"),
        "x.view(x.size(0), -1, 8)", "x.flatten(2).transpose(1, 2)",
    ),
    Mistake(
        "RL401", "list",
        (f"self.layers = {LAYERS}",), LOOP,
        LAYERS, f"nn.ModuleList({LAYERS})", "unsafe",
    ),
    Mistake(
        "RL401", "appended",
        ("self.layers = []", "for _ in range(3):", "    self.layers.append(nn.Conv2d(8, 8, 1))"), LOOP,
        "self.layers = []", "self.layers = nn.ModuleList()", "unsafe", at="append",
    ),
    Mistake(
        "RL402", "multiplied",
        ("self.layers = nn.ModuleList([nn.Conv2d(8, 8, 3, padding=1)] * 3)",), LOOP,
        "[nn.Conv2d(8, 8, 3, padding=1)] * 3", LAYERS,
    ),
    Mistake(
        "RL403", "parameter",
        (CONV, "self.scale = nn.Parameter(torch.ones(8, 1, 1))"), ("return self.conv(x) + x",),
        "return self.conv(x) + x", "return self.conv(x) * self.scale + x", at="nn.Parameter",
    ),
    Mistake(
        "RL403", "module",
        (CONV, "self.norm = nn.BatchNorm2d(8)"), ("return self.conv(x) + x",),
        "return self.conv(x) + x", "return self.norm(self.conv(x)) + x", at="self.norm =",
    ),
]  # fmt: skip
FIXED = [mistake for mistake in MISTAKES if mistake.fix is not None]

every_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=str)
every_fix = pytest.mark.parametrize("mistake", FIXED, ids=str)


@pytest.fixture(scope="module")
def lint_module(workers: WorkerClient) -> Iterator[Lint]:
    with pytest.MonkeyPatch.context() as patch:
        yield command_line(workers, patch)


def written(folder: Path) -> Path:
    for mistake in MISTAKES:
        (folder / f"{mistake}_bad.py").write_text(mistake.bad)
    return folder


@pytest.fixture(scope="module")
def found(lint_module: Lint, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The findings of one plain run over all files, by file."""
    folder = written(tmp_path_factory.mktemp("found"))
    for mistake in MISTAKES:
        (folder / f"{mistake}_good.py").write_text(mistake.good)
    result = lint_module(folder, "--format", "json", "--jobs", "1")
    by_file: dict[str, list[dict[str, Any]]] = {}
    for finding in json.loads(result.stdout)["findings"]:
        by_file.setdefault(Path(finding["path"]).name, []).append(finding)
    return by_file


@pytest.fixture(scope="module")
def safely_fixed(lint_module: Lint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("safe"))
    lint_module(folder, "--fix")
    return folder


@pytest.fixture(scope="module")
def fixed(lint_module: Lint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("unsafe"))
    lint_module(folder, "--fix", "--unsafe-fixes")
    return folder


@every_mistake
def test_the_mistake_is_found_at_its_line_and_its_repair_is_clean(
    mistake: Mistake, found: dict[str, list[dict[str, Any]]]
) -> None:
    severity = "error" if mistake.rule == "RL204" else "warning"
    shown = [(match["rule"], match["severity"], match["start"]["line"]) for match in found.get(f"{mistake}_bad.py", ())]
    assert shown == [(mistake.rule, severity, mistake.line)]
    assert found.get(f"{mistake}_good.py", []) == []


@every_mistake
def test_the_report_says_what_would_put_it_right(mistake: Mistake, found: dict[str, list[dict[str, Any]]]) -> None:
    [finding] = found[f"{mistake}_bad.py"]
    fix = finding["fix"]
    assert (fix["applicability"], fix["verified"]) == (mistake.fix or "suggestion", mistake.fix is not None)


@every_mistake
def test_fix_writes_the_repair_where_there_is_one(mistake: Mistake, fixed: Path, safely_fixed: Path) -> None:
    name = f"{mistake}_bad.py"
    assert (fixed / name).read_text() == (mistake.good if mistake.fix else mistake.bad)
    assert (safely_fixed / name).read_text() == (mistake.good if mistake.fix == "safe" else mistake.bad)


@every_fix
def test_what_was_fixed_trains(mistake: Mistake, fixed: Path) -> None:
    torch.manual_seed(0)
    model = build(fixed / f"{mistake}_bad.py", "ResidualBlock()")
    torch.autograd.backward(model(torch.randn(mistake.shape)).square().mean())
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("mistake", [mistake for mistake in FIXED if mistake.fix == "safe"], ids=str)
def test_a_safe_fix_leaves_the_values_as_they_were(mistake: Mistake, fixed: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.py"
    before.write_text(mistake.bad)
    outputs = []
    for path in (before, fixed / f"{mistake}_bad.py"):
        torch.manual_seed(0)
        outputs.append(build(path, "ResidualBlock()")(torch.randn(mistake.shape)))
    assert torch.equal(*outputs)


def test_a_second_fix_changes_nothing(fixed: Path, lint_module: Lint) -> None:
    before = {path: path.read_bytes() for path in fixed.iterdir()}
    lint_module(fixed, "--fix", "--unsafe-fixes")
    assert {path: path.read_bytes() for path in fixed.iterdir()} == before
