"""Graphs, ids, images with text, tables: inputs found from the names of parameters and from errors."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent

from conftest import Lint

# The constructor's body, the parameters of the forward, and its body.
RIGHT = {
    "Graph": (
        "self.fc = nn.Linear(12, 12)",
        "x, edge_index",
        "row, col = edge_index\nh = self.fc(x)\nreturn x + torch.zeros_like(h).index_add_(0, row, h[col])",
    ),
    "Degrees": (
        "self.fc = nn.Linear(12, 5)",
        "x, edge_index",
        "row = edge_index[0]\nones = torch.ones(row.size(0), device=x.device)\n"
        "deg = torch.zeros(x.size(0), device=x.device).scatter_add_(0, row, ones)\n"
        "return self.fc(x) / deg.unsqueeze(-1)",
    ),
    "Dense": ("self.fc = nn.Linear(12, 5)", "x, adj", "return adj @ self.fc(x)"),
    "Pairs": (
        "self.a, self.b, self.fc = nn.Embedding(9, 6), nn.Embedding(8, 6), nn.Linear(12, 1)",
        "user_ids, item_ids",
        "return self.fc(torch.cat([self.a(user_ids), self.b(item_ids)], dim=1)).squeeze(1)",
    ),
    "Ratings": (
        "self.a, self.b = nn.Embedding(9, 6), nn.Embedding(8, 6)",
        "inputs",
        "user, item = inputs\nreturn (self.a(user) * self.b(item)).sum(-1)",
    ),
    "Data": (
        "self.fc = nn.Linear(12, 12)",
        "data",
        "x, edge_index = data\nrow, col = edge_index\nreturn x.index_add(0, row, self.fc(x)[col])",
    ),
    "Captions": (
        "self.e, self.c, self.fc = nn.Embedding(9, 6), nn.Conv2d(3, 6, 4, 4), nn.Linear(12, 2)",
        "batch",
        "t = self.e(batch['input_ids']).mean(1)\ni = self.c(batch['image']).flatten(2).mean(-1)\n"
        "return self.fc(torch.cat([t, i], dim=1))",
    ),
    "Heads": (
        "self.q, self.h, self.d = nn.Linear(24, 24), 4, 6",
        "hidden",
        "q = self.q(hidden).view(hidden.shape[0], hidden.shape[1], self.h, self.d)\nreturn q.transpose(1, 2)",
    ),
    "Neighbours": (
        "self.c = nn.Conv1d(3, 8, 1)",
        "x",
        "b, d, n = x.shape\nnear = torch.cdist(x.mT, x.mT).topk(20, dim=-1)[1]\nreturn self.c(x)",
    ),
    "Fields": (
        "self.e, self.off = nn.Embedding(40, 6), (0, 10, 20, 30)",
        "x",
        "return self.e(x + x.new_tensor(self.off)).flatten(1)",
    ),
    "Table": (
        "self.e, self.n, self.fc = nn.Embedding(9, 6), nn.LayerNorm(5), nn.Linear(11, 1)",
        "x_cat, x_num",
        "return self.fc(torch.cat([self.e(x_cat).mean(1), self.n(x_num)], dim=-1))",
    ),
}
WRONG = {
    "Graph": (
        "self.fc = nn.Linear(12, 10)",
        "x, edge_index",
        "h = self.fc(x)[edge_index[1]]\nreturn self.fc(x) + self.fc(x).transpose(0, 1).flatten()",
    ),
    "Fields": (
        "self.e, self.fc = nn.Embedding(40, 6), nn.Linear(6, 8)",
        "x",
        "h = self.e(x)\nreturn h + self.fc(h)",
    ),
}
UNKNOWN = '''
class Unknown(nn.Module):
    """Its widths are for the caller to say, so that the arguments of `torch.empty` are not known."""
    def __init__(self, nfeat, nhid):
        super().__init__()
        self.w = nn.Parameter(torch.empty(nfeat, nhid))
    def forward(self, x):
        return x @ self.w

class Offsets(nn.Module):
    def __init__(self, field_dims, embed_dim):
        super().__init__()
        self.e, self.off = nn.Embedding(sum(field_dims), embed_dim), field_dims
    def forward(self, x):
        return self.e(x + torch.tensor(self.off))
'''


def written(classes: dict[str, tuple[str, str, str]]) -> str:
    text = "import torch\nfrom torch import nn\n"
    for name, (body, parameters, forward) in classes.items():
        text += f"\nclass {name}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        text += f"{indent(body, ' ' * 8)}\n    def forward(self, {parameters}):\n{indent(forward, ' ' * 8)}\n"
    return text


def test_names_and_errors_lead_to_inputs(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(written(RIGHT) + UNKNOWN)
    report = json.loads(lint(tmp_path / "right.py", "--format", "json").stdout)
    unchecked = {each["target"].split("::")[1] for each in report["modules"] if each["status"] != "checked"}
    assert unchecked == set()
    assert [finding for finding in report["findings"] if finding["severity"] == "error"] == []


def test_what_fails_for_all_of_them_is_found(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(written(WRONG))
    report = json.loads(lint(tmp_path / "wrong.py", "--format", "json").stdout)
    errors = {finding["module"] for finding in report["findings"] if finding["severity"] == "error"}
    assert errors == set(WRONG)
