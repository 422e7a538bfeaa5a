"""Models that reduce the batch on purpose, as in the literature: no rule takes that for mixed samples.

All files are checked in one run.
"""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import command_line

from resnet_lint.front.workers.worker_client import WorkerClient

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"

MODELS = {
    "minibatch_stddev": """
        class MinibatchStdDev(nn.Module):
            def __init__(self, group_size=4, num_channels=1):
                super().__init__()
                self.group_size, self.num_channels = group_size, num_channels
            def forward(self, x):
                n, c, h, w = x.shape
                group = min(self.group_size, n)
                if n % group:
                    group = n
                y = x.reshape(group, -1, self.num_channels, c // self.num_channels, h, w)
                y = y - y.mean(dim=0)
                y = (y.square().mean(dim=0) + 1e-8).sqrt()
                y = y.mean(dim=[2, 3, 4]).reshape(-1, self.num_channels, 1, 1)
                return torch.cat([x, y.repeat(group, 1, h, w)], dim=1)

        class Discriminator(nn.Module):
            def __init__(self, width=8):
                super().__init__()
                self.from_rgb = nn.Conv2d(3, width, 1)
                self.stddev = MinibatchStdDev()
                self.conv = nn.Conv2d(width + 1, width, 3, padding=1)
                self.fc = nn.Linear(width * 16, 1)
            def forward(self, x):
                x = F.leaky_relu(self.from_rgb(x), 0.2)
                x = F.leaky_relu(self.conv(self.stddev(x)), 0.2)
                return self.fc(x.flatten(1))

        if __name__ == "__main__":
            Discriminator()(torch.randn(8, 3, 4, 4))
    """,
    "simclr": """
        class SimCLR(nn.Module):
            def __init__(self, width=16, temperature=0.5):
                super().__init__()
                self.temperature = temperature
                self.encoder = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
                self.projector = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 8))
            def forward(self, first, second):
                n = first.shape[0]
                z = torch.cat([self.projector(self.encoder(x).flatten(1)) for x in (first, second)], dim=0)
                z = F.normalize(z, dim=1)
                similarity = z @ z.t() / self.temperature
                own = torch.eye(2 * n, dtype=torch.bool, device=z.device)
                similarity = similarity.masked_fill(own, float("-inf"))
                target = torch.arange(2 * n, device=z.device).roll(n)
                return F.cross_entropy(similarity, target)

        if __name__ == "__main__":
            SimCLR()(torch.randn(6, 3, 8, 8), torch.randn(6, 3, 8, 8))
    """,
    "mixture_of_experts": """
        class MoE(nn.Module):
            def __init__(self, width=16, experts=4, k=2, capacity_factor=1.25):
                super().__init__()
                self.k, self.capacity_factor = k, capacity_factor
                self.gate = nn.Linear(width, experts, bias=False)
                self.w1 = nn.Parameter(torch.randn(experts, width, 2 * width) * 0.02)
                self.w2 = nn.Parameter(torch.randn(experts, 2 * width, width) * 0.02)
            def forward(self, x):
                shape, tokens = x.shape, x.reshape(-1, x.shape[-1])
                probabilities = self.gate(tokens).softmax(dim=-1)
                experts = probabilities.shape[-1]
                capacity = max(int(self.capacity_factor * self.k * tokens.shape[0] / experts), 1)
                values, indices = probabilities.topk(self.k, dim=-1)
                values = values / values.sum(dim=-1, keepdim=True)
                chosen = F.one_hot(indices, experts).float()
                position = (chosen.reshape(-1, experts).cumsum(0) - 1).reshape(chosen.shape)
                chosen = chosen * (position < capacity)
                place = F.one_hot((position * chosen).sum(-1).long().clamp(max=capacity - 1), capacity).float()
                combine = torch.einsum("tk,tke,tkc->tec", values, chosen, place)
                dispatched = torch.einsum("tec,td->ecd", (combine > 0).float(), tokens)
                hidden = F.gelu(torch.einsum("ecd,edh->ech", dispatched, self.w1))
                output = torch.einsum("ech,ehd->ecd", hidden, self.w2)
                return torch.einsum("tec,ecd->td", combine, output).reshape(shape)

        if __name__ == "__main__":
            MoE()(torch.randn(2, 12, 16))
    """,
    "moco": """
        class MoCo(nn.Module):
            def __init__(self, width=16, queue=32, temperature=0.07):
                super().__init__()
                self.temperature = temperature
                self.query = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
                self.key = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
                self.register_buffer("queue", F.normalize(torch.randn(width, queue), dim=0))
                self.pointer = 0

            @torch.no_grad()
            def enqueue(self, keys):
                start, end = self.pointer, self.pointer + keys.shape[0]
                self.queue[:, start:end] = keys.T
                self.pointer = end % self.queue.shape[1]
            def forward(self, first, second):
                q = F.normalize(self.query(first), dim=1)
                with torch.no_grad():
                    k = F.normalize(self.key(second), dim=1)
                positive = torch.einsum("nc,nc->n", [q, k]).unsqueeze(-1)
                negative = torch.einsum("nc,ck->nk", [q, self.queue.clone().detach()])
                logits = torch.cat([positive, negative], dim=1) / self.temperature
                self.enqueue(k)
                return logits, torch.zeros(logits.shape[0], dtype=torch.long)

        if __name__ == "__main__":
            MoCo()(torch.randn(4, 3, 8, 8), torch.randn(4, 3, 8, 8))
    """,
    "vicreg_and_barlow_twins": """
        def off_diagonal(x):
            n, m = x.shape
            return x.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()

        class VICReg(nn.Module):
            def __init__(self, width=16):
                super().__init__()
                self.projector = nn.Sequential(nn.Linear(12, width), nn.ReLU(), nn.Linear(width, width))
            def forward(self, x, y):
                x, y = self.projector(x), self.projector(y)
                invariance = F.mse_loss(x, y)
                x, y = x - x.mean(dim=0), y - y.mean(dim=0)
                spread = sum(F.relu(1 - (z.var(dim=0) + 1e-4).sqrt()).mean() for z in (x, y))
                covariances = [(z.T @ z) / (z.shape[0] - 1) for z in (x, y)]
                return invariance + spread + sum(off_diagonal(c).pow(2).sum() / c.shape[0] for c in covariances)

        class BarlowTwins(nn.Module):
            def __init__(self, width=16):
                super().__init__()
                self.projector = nn.Sequential(nn.Linear(12, width), nn.BatchNorm1d(width), nn.ReLU())
                self.norm = nn.BatchNorm1d(width, affine=False)

            def forward(self, x, y):
                one, two = self.projector(x), self.projector(y)
                c = self.norm(one).T @ self.norm(two) / x.shape[0]
                on_diagonal = torch.diagonal(c).add_(-1).pow_(2).sum()  # in place, as in the official code
                return on_diagonal + 0.005 * off_diagonal(c).pow(2).sum()

        if __name__ == "__main__":
            VICReg()(torch.randn(8, 12), torch.randn(8, 12))
            BarlowTwins()(torch.randn(8, 12), torch.randn(8, 12))
    """,
    "pairs_of_residues": """
        class Pairs(nn.Module):
            def __init__(self, width=16, longest=50):
                super().__init__()
                self.left, self.right = nn.Linear(width, width), nn.Linear(width, width)
                self.relative = nn.Parameter(torch.zeros(longest, longest, width))
                self.rows = nn.TransformerEncoderLayer(width, 2, batch_first=True)

            def forward(self, x):
                pairs = self.left(x)[None] + self.right(x)[:, None]
                return self.rows(pairs + self.relative[: len(x), : len(x)])

        if __name__ == "__main__":
            Pairs()(torch.randn(10, 16))
    """,
    "batch_hard_triplet": """
        class BatchHard(nn.Module):
            def __init__(self, width=16, margin=0.3):
                super().__init__()
                self.margin = margin
                self.embed = nn.Sequential(nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

            def forward(self, images, labels):
                embeddings = F.normalize(self.embed(images), dim=1)
                squares = embeddings.pow(2).sum(dim=1, keepdim=True)
                distances = squares + squares.t() - 2 * embeddings @ embeddings.t()
                distances = distances.clamp(min=1e-12).sqrt()
                same = labels.expand(len(labels), len(labels)).eq(labels.expand(len(labels), len(labels)).t())
                positive = (distances * same).max(dim=1)[0]
                negative = (distances + 1e6 * same).min(dim=1)[0]
                return F.relu(positive - negative + self.margin)

        if __name__ == "__main__":
            BatchHard()(torch.randn(6, 3, 8, 8), torch.tensor([0, 0, 1, 1, 2, 2]))
    """,
    "ghost_batch_norm": """
        class GhostBatchNorm(nn.Module):
            def __init__(self, features, virtual=4):
                super().__init__()
                self.virtual = virtual
                self.norm = nn.BatchNorm1d(features)

            def forward(self, x):
                chunks = x.chunk(-(-x.shape[0] // self.virtual), 0)
                return torch.cat([self.norm(chunk) for chunk in chunks], dim=0)

        class GhostGroups(nn.Module):
            def __init__(self, channels, splits=2):
                super().__init__()
                self.splits = splits
                self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

            def forward(self, x):
                n, c, h, w = x.shape
                x = x.view(n // self.splits, c * self.splits, h, w)
                weight, bias = self.weight.repeat(self.splits), self.bias.repeat(self.splits)
                x = F.batch_norm(x, None, None, weight, bias, True, 0.1, 1e-5)
                return x.view(n, c, h, w)

        class Net(nn.Module):
            def __init__(self, width=8):
                super().__init__()
                self.conv, self.ghost = nn.Conv2d(3, width, 3, padding=1), GhostGroups(width)
                self.fc, self.norm = nn.Linear(width, width), GhostBatchNorm(width)

            def forward(self, x):
                return self.norm(self.fc(self.ghost(self.conv(x)).mean((2, 3))))

        if __name__ == "__main__":
            Net()(torch.randn(8, 3, 6, 6))
    """,
    "clip": """
        class CLIP(nn.Module):
            def __init__(self, width=16, vocabulary=50):
                super().__init__()
                self.visual = nn.Sequential(nn.Conv2d(3, width, 4, stride=4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
                self.words = nn.Embedding(vocabulary, width)
                self.text = nn.TransformerEncoderLayer(width, 2, 32, batch_first=True)
                self.scale = nn.Parameter(torch.ones([]) * 2.66)

            def forward(self, image, text):
                image = F.normalize(self.visual(image), dim=-1)
                text = F.normalize(self.text(self.words(text)).mean(dim=1), dim=-1)
                per_image = self.scale.exp() * image @ text.t()
                return per_image, per_image.t()

        class InfoNCE(nn.Module):
            def __init__(self, width=16):
                super().__init__()
                self.context = nn.GRU(width, width, batch_first=True)
                self.bilinear = nn.Linear(width, width, bias=False)

            def forward(self, x):
                context, _ = self.context(x)
                scores = torch.einsum("btd,ntd->tbn", self.bilinear(context), x)
                return torch.log_softmax(scores, dim=-1).diagonal(dim1=1, dim2=2).mean()

        if __name__ == "__main__":
            CLIP()(torch.randn(4, 3, 16, 16), torch.randint(0, 50, (4, 7)))
            InfoNCE()(torch.randn(4, 9, 16))
    """,
    "dino": """
        class DINOHead(nn.Module):
            def __init__(self, width=16, out=24, momentum=0.9):
                super().__init__()
                self.momentum = momentum
                self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, out))
                self.register_buffer("center", torch.zeros(1, out))

            def forward(self, student, teacher):
                student = F.log_softmax(self.mlp(student) / 0.1, dim=-1)
                teacher = self.mlp(teacher).detach()
                loss = -(F.softmax((teacher - self.center) / 0.04, dim=-1) * student).sum(dim=-1)
                self.center.mul_(self.momentum).add_(teacher.mean(dim=0, keepdim=True), alpha=1 - self.momentum)
                return loss

        class Sinkhorn(nn.Module):
            def __init__(self, width=16, prototypes=24):
                super().__init__()
                self.prototypes = nn.Linear(width, prototypes, bias=False)

            def forward(self, z):
                q = torch.exp(self.prototypes(F.normalize(z, dim=1)) / 0.05).t()
                q = q / q.sum()
                for _ in range(3):
                    q = q / q.sum(dim=1, keepdim=True) / q.shape[0]
                    q = q / q.sum(dim=0, keepdim=True) / q.shape[1]
                return (q * q.shape[1]).t()

        if __name__ == "__main__":
            DINOHead()(torch.randn(6, 16), torch.randn(6, 16))
            Sinkhorn()(torch.randn(6, 16))
    """,
    "vector_quantizer": """
        class VectorQuantizer(nn.Module):
            def __init__(self, codes=32, width=8, decay=0.99):
                super().__init__()
                self.decay = decay
                self.register_buffer("codebook", torch.randn(codes, width))
                self.register_buffer("count", torch.zeros(codes))
                self.register_buffer("total", torch.randn(codes, width))

            def forward(self, x):
                flat = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
                distance = flat.pow(2).sum(1, keepdim=True) - 2 * flat @ self.codebook.t() + self.codebook.pow(2).sum(1)
                index = distance.argmin(dim=1)
                one_hot = F.one_hot(index, self.codebook.shape[0]).type(flat.dtype)
                quantized = F.embedding(index, self.codebook).view(x.shape[0], *x.shape[2:], -1).permute(0, 3, 1, 2)
                with torch.no_grad():
                    self.count.mul_(self.decay).add_(one_hot.sum(0), alpha=1 - self.decay)
                    self.total.mul_(self.decay).add_(one_hot.t() @ flat, alpha=1 - self.decay)
                    self.codebook.copy_(self.total / (self.count.unsqueeze(1) + 1e-5))
                used = one_hot.mean(dim=0)
                perplexity = torch.exp(-(used * torch.log(used + 1e-10)).sum())
                return x + (quantized - x).detach(), perplexity

        class Autoencoder(nn.Module):
            def __init__(self, width=8):
                super().__init__()
                self.encoder, self.decoder = nn.Conv2d(3, width, 4, 2, 1), nn.ConvTranspose2d(width, 3, 4, 2, 1)
                self.quantizer = VectorQuantizer(width=width)

            def forward(self, x):
                z, perplexity = self.quantizer(self.encoder(x))
                return self.decoder(z), perplexity

        if __name__ == "__main__":
            Autoencoder()(torch.randn(2, 3, 12, 12))
    """,
}


@pytest.fixture(scope="module")
def findings(workers: WorkerClient, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The messages about each file; `not checked` is one too."""
    folder = tmp_path_factory.mktemp("reductions")
    for name, text in MODELS.items():
        (folder / f"{name}.py").write_text(HEAD + dedent(text), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        result = command_line(workers, patch)(folder, "--format", "json", "--jobs", "1")
    found: dict[str, list[str]] = {name: [] for name in MODELS}
    for finding in json.loads(result.stdout)["findings"]:
        found[Path(finding["path"]).stem].append(f"{finding['rule']} {finding['message']}")
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_reduction_of_the_batch_is_no_mistake(name: str, findings: dict[str, list[str]]) -> None:
    assert findings[name] == []
