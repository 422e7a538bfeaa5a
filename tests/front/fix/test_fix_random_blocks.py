"""Random blocks with helpers, settings, nested flags and misleading names: the fix of a mistake is right, or none.

All files are fixed in one run. All that a file constructs is run before and after: the fix restores the shapes of
outputs and weights of the file without the mistake, or there is no fix.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Lint, command_line
from fixing import HEAD

from resnet_lint.front.workers.worker_client import WorkerClient

FILES = 6

# Parameters in another order than usual, with names of the caller's variables, and text that looks like arguments.
HELPERS = (
    'def conv(out, inp, size=3, stride=1, note="size=1, stride=2"):\n'
    "    return nn.Conv2d(inp, out, size, stride=stride, padding=size // 2, bias=len(note) < 3)\n",
    "class conv(nn.Conv2d):\n"
    '    """A convolution, stride=1."""\n\n'
    "    def __init__(self, out, inp, size=3, stride=1):\n"
    "        super().__init__(inp, out, size, stride=stride, padding=size // 2)\n",
    "def conv(out, inp, **options):\n"
    '    options.setdefault("size", 3)\n'
    '    size = options.pop("size")\n'
    "    return nn.Sequential(nn.Conv2d(inp, out, size, padding=size // 2, **options), nn.BatchNorm2d(out))\n",
)
TAKEN = (
    ("inp, out, stride", "", "{inp}, {out}, {stride}"),
    ("cfg", "        inp, out, stride = cfg.inp, cfg.out, cfg.stride\n", "Setting({inp}, {out}, {stride})"),
    ("*, out, stride=1, inp", "", "stride={stride}, inp={inp}, out={out}"),
)
SKIPS = (
    (
        "        self.resize = stride != 1 or inp != out\n"
        "        if self.resize:\n            self.shortcut = conv(inp=inp, out=out, size=1, stride=stride)\n",
        "self.body(x) + (self.shortcut(x) if self.resize else x)",
    ),
    (
        "        self.shortcut = nn.Identity()\n        if stride != 1 or inp != out:\n"
        "            self.shortcut = conv(out, inp, size=1, stride=stride)\n",
        "torch.add(self.body(x), self.shortcut(x))",
    ),
    (
        "        self.enabled = True\n        self.skips = stride == 1 and inp == out\n",
        "self.body(x) + x if self.enabled and self.skips else self.body(x)",
    ),
)
MISTAKES = (
    ("stride != 1 or inp != out", "stride != 1"),
    ("stride != 1 or inp != out", "inp != out"),
    ("stride == 1 and inp == out", "stride == 1"),
    ("stride == 1 and inp == out", "inp == out"),
    ("stride == 1 and inp == out", "True"),
    ("size=1, stride=stride)", "size=1)"),
    ("conv(out, inp, stride=stride)", "conv(out, inp)"),
    ("padding=size // 2", "padding=0"),
)


@dataclass(frozen=True)
class Case:
    """A file without and with its mistake, and the expressions for its models."""

    right: str
    wrong: str
    models: tuple[str, ...]


def cases() -> Iterator[Case]:
    """Random files in which the mistake makes a model fail."""
    chance = random.Random(16)
    while True:
        (setup, added), helper = chance.choice(SKIPS), chance.choice(HELPERS)
        parameters, unpacked, arguments = chance.choice(TAKEN)
        first, last = chance.sample([8, 12, 16], 2)
        numbers = [(first, first, 1), (first, last, 2), (last, last, 2), (last, first, 1)]
        models = tuple(f"Block({arguments.format(inp=inp, out=out, stride=stride)})" for inp, out, stride in numbers)
        right = (
            f"{HEAD}{helper}\n\nclass Setting:\n    def __init__(self, inp, out, stride):\n"
            f"        self.inp, self.out, self.stride = inp, out, stride\n\n\nclass Block(nn.Module):\n"
            f"    def __init__(self, {parameters}):\n        super().__init__()\n{unpacked}"
            f"        self.body = nn.Sequential(conv(out, inp, stride=stride), nn.ReLU(), conv(inp=out, out=out))\n"
            f"{setup}\n    def forward(self, x):\n        return {added}\n\n\n"
            f"nn.Sequential({', '.join(models[:2])})(torch.randn(2, {first}, 16, 16))\n"
            f"another = nn.Sequential({', '.join(models[2:])})\nanother(torch.randn(2, {last}, 12, 20))\n"
        )
        before, after = chance.choice([mistake for mistake in MISTAKES if mistake[0] in right])
        wrong = right.replace(before, after)
        if seen(wrong, models) is None:
            yield Case(right, wrong, models)


def seen(text: str, models: tuple[str, ...]) -> list[Any] | None:
    """The shapes of what every model gives, and of its weights; None if the file fails."""
    names: dict[str, Any] = {}
    try:
        exec(text, names)
        nets = [eval(model, names) for model in models]
        channels = [next(net.parameters()).shape[1] for net in nets]
        outputs = [net(torch.randn(2, width, 16, 16)).shape for net, width in zip(nets, channels, strict=True)]
        return [*outputs, *([value.shape for value in net.state_dict().values()] for net in nets)]
    except (RuntimeError, TypeError):
        return None


@pytest.fixture
def lint_all(workers: WorkerClient) -> Iterator[Lint]:
    with pytest.MonkeyPatch.context() as patch:
        yield command_line(workers, patch)


def test_a_fix_is_right_or_there_is_none(lint_all: Lint, tmp_path: Path) -> None:
    made = [case for case, _ in zip(cases(), range(FILES), strict=False)]
    paths = [tmp_path / f"model{number}.py" for number in range(FILES)]
    for path, case in zip(paths, made, strict=True):
        path.write_text(case.wrong)
    lint_all(tmp_path, "--fix", "--timeout", "600")
    fixed = [(case, path.read_text()) for case, path in zip(made, paths, strict=True) if path.read_text() != case.wrong]
    for case, text in fixed:
        assert seen(text, case.models) == seen(case.right, case.models), text
    assert len(fixed) >= 0.6 * FILES
