"""The verdict on a model agrees with training it on the CPU: it fails on this line, or it works."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.shared.records.reports import FileReport
from resnet_lint.shared.records.requests import CheckRequest

MODEL = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential({body})
        self.shortcut = {shortcut}

    def forward(self, x):
        identity = self.shortcut(x)
        out = self.body(x)
        {addition}
        return out


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv{rank}d(3, {cin}, 1)
        self.block = Block()
        self.head = nn.Conv{rank}d({cout}, 5, 1)

    def forward(self, x):
        return self.head(torch.relu(self.block(self.stem(x))))


if __name__ == "__main__":
    Net()(torch.randn({shape}))
"""

TRAINED = ".sum().backward()\n"
ADDITION_LINE = MODEL[: MODEL.index("{addition}")].count("\n") + 1

ADDITIONS = (
    "out = out + identity",
    "out = identity + out",
    "out += identity",
    "out = torch.add(out, identity)",
    "out = out.add(identity)",
    "out.add_(identity)",
    "out = sum([out, identity])",
)

_numbers = count()


@dataclass(frozen=True)
class Source:
    """A model file, which shows as its source when an example fails."""

    text: str

    def __repr__(self) -> str:
        return f"\n{self.text}"


@st.composite
def models(draw: st.DrawFn) -> Source:
    """A net with one residual block, whose shortcut may or may not go with the residual branch."""
    rank = draw(st.integers(1, 3))
    cin, cout = draw(st.sampled_from([2, 4])), draw(st.sampled_from([1, 2, 4]))
    stride, kernel = draw(st.integers(1, 2)), draw(st.sampled_from([1, 3]))
    padding = draw(st.sampled_from([kernel // 2, kernel // 2, 0]))
    body = f"nn.Conv{rank}d({cin}, {cout}, {kernel}, {stride}, {padding}), nn.BatchNorm{rank}d({cout}), nn.ReLU()"
    return Source(
        MODEL.format(
            rank=rank,
            cin=cin,
            cout=cout,
            body=body if draw(st.booleans()) else f"nn.Conv{rank}d({cin}, {cin}, 3, 1, 1), {body}",
            shortcut=draw(
                st.sampled_from(
                    [
                        "nn.Identity()",
                        f"nn.Conv{rank}d({cin}, {cout}, 1, {stride})",
                        f"nn.Conv{rank}d({cin}, {cout}, 1)",
                        f"nn.Conv{rank}d({cin}, {cin}, 1, {stride})",
                        f"nn.AvgPool{rank}d(2, {stride}, ceil_mode=True)",
                    ]
                )
            ),
            addition=draw(st.sampled_from(ADDITIONS)),
            shape=", ".join(map(str, [draw(st.integers(1, 2)), 3, *[draw(st.integers(5, 8)) for _ in range(rank)]])),
        )
    )


def failing_line(model: Source, path: Path) -> int | None:
    """The line at which a step of training on the CPU fails; None where it works.

    What backward() refuses is laid to the addition: nothing else in these models changes a tensor in place.
    """
    text = model.text.rstrip() + TRAINED
    try:
        exec(compile(text, str(path), "exec"), {"__name__": "__main__"})
    except RuntimeError as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        return ADDITION_LINE if len(lines) == 1 else lines[-1]
    return None


def lint(model: Source, folder: Path, workers: WorkerClient) -> tuple[Path, FileReport]:
    path = folder / f"model{next(_numbers)}.py"
    path.write_text(model.text)
    return path, workers.analyse(CheckRequest(str(path)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(model=models())
def test_the_verdict_is_that_of_the_cpu(model: Source, folder: Path, workers: WorkerClient) -> None:
    path, report = lint(model, folder, workers)
    errors = [finding for finding in report.findings if finding.severity == "error"]
    line = failing_line(model, path)
    assert [finding.span.start.line for finding in errors] == ([] if line is None else [line])
    # A branch of one channel is broadcast by the addition, and only the head fails.
    of_addition = [finding.rule.startswith(("RL1", "RL204")) for finding in errors]
    assert of_addition == [line == ADDITION_LINE for _ in errors]
    assert [(status.name, status.status) for status in report.classes] == [("Block", "checked"), ("Net", "checked")]


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(model=models())
def test_without_a_main_block_what_works_is_not_flagged(model: Source, folder: Path, workers: WorkerClient) -> None:
    """The input is guessed then: a model that works with its own input must not be reported as failing."""
    if failing_line(model, folder / "any.py") is not None:
        return
    _, report = lint(Source(model.text.partition("\n\n\nif __name__")[0] + "\n"), folder, workers)
    assert [finding for finding in report.findings if finding.severity == "error"] == []
