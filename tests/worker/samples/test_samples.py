"""Samples of a batch: where they meet by mistake, and models that combine them on purpose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Lint

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n"

# Minibatch statistics, contrastive losses, experts, memory banks, prototypes, codebooks, bags and graphs of instances,
# windows, and sequences that come first.
ON_PURPOSE = """
class MinibatchStd(nn.Module):
    def __init__(self, group=4):
        super().__init__()
        self.group = group
        self.conv = nn.Conv2d(9, 8, 3, padding=1)

    def forward(self, x):
        n, c, h, w = x.shape
        g = min(self.group, n)
        if n % g:
            g = n
        y = x.view(g, -1, 1, c, h, w)
        y = y - y.mean(0, keepdim=True)
        y = (y.square().mean(0) + 1e-8).sqrt().mean([2, 3, 4], keepdim=True).squeeze(2)
        y = y.repeat(g, 1, h, w)
        return self.conv(torch.cat([x, y], 1))


class SimCLR(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 16))

    def forward(self, a, b):
        z = F.normalize(torch.cat([self.net(a), self.net(b)], 0), dim=1)
        sim = z @ z.t() / 0.5
        n = a.size(0)
        sim = sim.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=sim.device), -9e15)
        pos = torch.cat([torch.diag(sim, n), torch.diag(sim, -n)])
        return -pos + torch.logsumexp(sim, dim=-1)


class MoE(nn.Module):
    def __init__(self, d=16, e=4, k=2):
        super().__init__()
        self.gate = nn.Linear(d, e)
        self.experts = nn.ModuleList([nn.Sequential(nn.Linear(d, d), nn.GELU(), nn.Linear(d, d)) for _ in range(e)])
        self.k = k

    def forward(self, x):
        b, t, d = x.shape
        flat = x.view(-1, d)
        w, idx = torch.topk(F.softmax(self.gate(flat), -1), self.k)
        out = torch.zeros_like(flat)
        for i, expert in enumerate(self.experts):
            rows, slot = torch.where(idx == i)
            out[rows] += w[rows, slot, None] * expert(flat[rows])
        return out.view(b, t, d)


class Switch(nn.Module):
    def __init__(self, d=16, e=4, capacity=6):
        super().__init__()
        self.gate = nn.Linear(d, e, bias=False)
        self.w1 = nn.Parameter(torch.randn(e, d, 32))
        self.w2 = nn.Parameter(torch.randn(e, 32, d))
        self.capacity = capacity
        self.e = e

    def forward(self, x):
        b, t, d = x.shape
        tokens = x.reshape(-1, d)
        gates = F.softmax(self.gate(tokens), dim=-1)
        top = gates.argmax(-1)
        mask = F.one_hot(top, self.e).float()
        position = torch.cumsum(mask, dim=0) * mask - 1
        mask = mask * (position < self.capacity)
        aux = (gates.mean(0) * mask.mean(0)).sum()
        gate = (gates * mask).sum(-1)
        loc = F.one_hot((position * mask).sum(-1).long().clamp(min=0), self.capacity).float()
        combine = gate[:, None, None] * mask.unsqueeze(-1) * loc.unsqueeze(1)
        dispatch = combine.bool().float()
        inp = torch.einsum('sec,sm->ecm', dispatch, tokens)
        h = F.relu(torch.einsum('ecm,emh->ech', inp, self.w1))
        out = torch.einsum('ech,ehm->ecm', h, self.w2)
        return torch.einsum('sec,ecm->sm', combine, out).view(b, t, d), aux


class Moco(nn.Module):
    def __init__(self, dim=16, k=64):
        super().__init__()
        self.q = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, dim))
        self.k = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, dim))
        self.register_buffer("queue", F.normalize(torch.randn(dim, k), dim=0))

    def forward(self, im_q, im_k):
        q = F.normalize(self.q(im_q), dim=1)
        k = F.normalize(self.k(im_k), dim=1)
        l_pos = torch.einsum('nc,nc->n', [q, k]).unsqueeze(-1)
        l_neg = torch.einsum('nc,ck->nk', [q, self.queue.clone().detach()])
        logits = torch.cat([l_pos, l_neg], dim=1)
        return logits / 0.07


class Proto(nn.Module):
    def __init__(self, way=5, shot=3):
        super().__init__()
        self.way, self.shot = way, shot
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x):
        z = self.net(x)
        support, query = z[: self.way * self.shot], z[self.way * self.shot:]
        proto = support.view(self.way, self.shot, -1).mean(1)
        return -torch.cdist(query, proto)


class VQ(nn.Module):
    def __init__(self, n=32, d=8):
        super().__init__()
        self.enc = nn.Conv2d(3, d, 3, padding=1)
        self.book = nn.Embedding(n, d)

    def forward(self, x):
        z = self.enc(x).permute(0, 2, 3, 1).contiguous()
        flat = z.view(-1, 8)
        dist = flat.pow(2).sum(1, keepdim=True) + self.book.weight.pow(2).sum(1) - 2 * flat @ self.book.weight.t()
        idx = dist.argmin(1)
        q = self.book(idx).view(z.shape)
        one = F.one_hot(idx, 32).float()
        avg = one.mean(0)
        perp = torch.exp(-(avg * (avg + 1e-10).log()).sum())
        loss = F.mse_loss(q.detach(), z)
        return (z + (q - z).detach()).permute(0, 3, 1, 2), loss, perp


class Barlow(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32))

    def forward(self, a, b):
        za, zb = self.net(a), self.net(b)
        za = (za - za.mean(0)) / za.std(0)
        zb = (zb - zb.mean(0)) / zb.std(0)
        c = za.t() @ zb / a.size(0)
        return (c - torch.eye(32, device=c.device)).pow(2).sum(), za


class Mil(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 16))
        self.a = nn.Sequential(nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 1))
        self.c = nn.Linear(16, 1)

    def forward(self, bag):
        h = self.f(bag)
        a = F.softmax(self.a(h).transpose(1, 0), dim=1)
        m = torch.mm(a, h)
        return torch.sigmoid(self.c(m)), a


class Gcn(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Linear(8, 16)
        self.a = nn.Linear(16, 1)

    def forward(self, x):
        h = self.w(x)
        s = torch.softmax(h @ h.t(), 1)
        return torch.relu(s @ h)


class Swin(nn.Module):
    def __init__(self, ws=4, d=16):
        super().__init__()
        self.ws = ws
        self.qkv = nn.Linear(d, 3 * d)
        self.emb = nn.Conv2d(3, d, 4, 4)

    def forward(self, x):
        x = self.emb(x).permute(0, 2, 3, 1)
        x = torch.roll(x, (-2, -2), (1, 2))
        b, h, w, c = x.shape
        x = x.view(b, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c)
        q, k, v = self.qkv(x).view(-1, 16, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        x = (F.softmax(q @ k.transpose(-2, -1), -1) @ v).transpose(1, 2).reshape(-1, 16, c)
        x = x.view(b, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        return x.mean((1, 2))


class Crnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.AdaptiveAvgPool2d((1, None)))
        self.rnn = nn.LSTM(16, 8, bidirectional=True)
        self.fc = nn.Linear(16, 37)

    def forward(self, x):
        x = self.cnn(x).squeeze(2).permute(2, 0, 1)
        x, _ = self.rnn(x)
        t, b, h = x.size()
        return self.fc(x.view(t * b, h)).view(t, b, -1)


class Seq2Seq(nn.Module):
    def __init__(self, v=50, d=16):
        super().__init__()
        self.emb = nn.Embedding(v, d)
        self.enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, 2, 32), 2)
        self.out = nn.Linear(d, v)

    def forward(self, ids):
        return self.out(self.enc(self.emb(ids)))


class FramesFirst(nn.Module):
    def __init__(self, d=8):
        super().__init__()
        self.conv, self.rnn = nn.Conv2d(3, d, 3, padding=1), nn.LSTM(d, d)

    def forward(self, frames):
        t, b = frames.shape[:2]
        x = self.conv(frames.flatten(0, 1)).mean((2, 3))
        return self.rnn(x.view(t, b, -1))[0]


class ListOfTensors(nn.Module):
    def forward(self, x):
        return x[0] + x[1][0]


class Decorrelation(nn.Module):
    def forward(self, layers):
        products = torch.einsum("lbnd,lbne->lbde", layers, layers) / layers.shape[-2]
        return products.square().sum((0, 2, 3)).mean()


if __name__ == "__main__":
    MinibatchStd(group=4)(torch.randn(4, 8, 6, 6))
    SimCLR()(torch.randn(4, 3, 16, 16), torch.randn(4, 3, 16, 16))
    MoE()(torch.randn(2, 7, 16))
    Switch()(torch.randn(2, 7, 16))
    Moco()(torch.randn(4, 3, 16, 16), torch.randn(4, 3, 16, 16))
    Proto()(torch.randn(25, 3, 16, 16))
    VQ()(torch.randn(2, 3, 8, 8))
    Barlow()(torch.randn(4, 16), torch.randn(4, 16))
    Mil()(torch.randn(9, 1, 28, 28))
    Gcn()(torch.randn(9, 8))
    Swin()(torch.randn(2, 3, 32, 32))
    Crnn()(torch.randn(2, 1, 32, 100))
    Seq2Seq()(torch.randint(0, 50, (9, 2)))
    FramesFirst()(torch.randn(9, 2, 3, 8, 8))
    ListOfTensors()(torch.randn(4, 4, 4, 4))
    Decorrelation()(torch.randn(3, 2, 9, 8))
"""


def found(lint: Lint, folder: Path, code: str) -> list[tuple[str, int]]:
    """The rules and lines of the warnings about the samples of a file, all of whose classes are checked."""
    (folder / "model.py").write_text(HEAD + code)
    report = json.loads(lint(folder / "model.py", "--format", "json").stdout)
    assert report["summary"]["not_checked"] == 0
    findings = [each for each in report["findings"] if each["rule"] in ("RL304", "RL305", "RL306")]
    return [(each["rule"], each["start"]["line"]) for each in findings]


def test_batches_that_are_combined_on_purpose_are_silent(lint: Lint, tmp_path: Path) -> None:
    assert found(lint, tmp_path, ON_PURPOSE) == []


NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        x = self.conv(x)
        {line}
        return x


if __name__ == "__main__":
    Net()(torch.randn({batch}, 3, 6, 8))
"""

MISTAKES = {
    "softmax of the logits along the batch": ("x = self.fc(x.mean((2, 3))).softmax(0)", 4),
    "softmax along the batch, with a batch of one": ("x = self.fc(x.mean((2, 3))).softmax(0)", 1),
    "a cumulative sum along the batch": ("x = x.cumsum(0)", 4),
    "a running difference of samples": ("x = F.pad(x[1:] - x[:-1], (0, 0, 0, 0, 0, 0, 0, 1))", 4),
    "the largest value of the batch": ("x = x - x.flip(0)", 4),
    "a sort along the batch": ("x = x.sort(0).values", 4),
    "a row of features from several samples": ("x = self.fc(x.mean((2, 3)).T.reshape(-1, 8))", 4),
    "weights of patches along the batch": (
        "x = F.fold(F.unfold(x, 2, stride=2) * x.mean((2, 3)).softmax(0)[:, :1, None], (6, 8), 2, stride=2)",
        4,
    ),
    "weights along the batch": ("x = torch.softmax(x.flatten(2).mean(2), 0)[:, :, None, None] * x", 4),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_call_at_which_samples_meet(lint: Lint, tmp_path: Path, name: str) -> None:
    line, batch = MISTAKES[name]
    [(rule, place)] = found(lint, tmp_path, NET.format(line=line, batch=batch))
    assert rule in ("RL305", "RL306") and place == 15


SAFE = ("x = x.flatten(2).softmax(-1)", "x = x - x.mean(0)", "x = x.flatten(1).cumsum(1)", "x = x.transpose(0, 1)")


@pytest.mark.parametrize("line", SAFE)
def test_the_same_within_a_sample_is_silent(lint: Lint, tmp_path: Path, line: str) -> None:
    assert found(lint, tmp_path, NET.format(line=line, batch=4)) == []
