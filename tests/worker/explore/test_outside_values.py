"""Numbers that come from the command line: failures for all values are found, failures for some are not reported."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Lint

BLOCK = """
import argparse
import os
import sys
import click
import torch
import torch.nn as nn

class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride, 1)
    def forward(self, x):
        return x + self.conv(x)

def net(width, stride, classes):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        Block(width, width, stride),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, classes),
    )

def parsed():
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", required=True, type=int)
    parser.add_argument("--classes", required=True, type=int)
    return parser.parse_args()
"""

# A script that is wrong for each number with 2 in place of STRIDE, and right with 1.
WRONG = {
    "required arguments": """
        args = parsed()
        out = net(args.width, STRIDE, args.classes)(torch.randn(4, 3, 32, 32))
    """,
    "at module level": """
        args = parsed()
        model = net(args.width, STRIDE, args.classes)
        def main():
            loss = nn.CrossEntropyLoss()(model(torch.randn(4, 3, 32, 32)), torch.randint(0, 9, (4,)))
            loss.backward()
        if __name__ == "__main__":
            main()
    """,
    "a command of click": """
        @click.command()
        @click.option("--width", type=int, required=True)
        @click.option("--classes", default=10)
        @click.argument("folder", type=click.Path())
        def main(width, classes, folder):
            out = net(width, STRIDE, classes)(torch.randn(4, 3, 32, 32))
        if __name__ == "__main__":
            main()
    """,
    "words of the command line": """
        if len(sys.argv) < 2:
            print("usage: train.py WIDTH")
            sys.exit(1)
        out = net(int(sys.argv[1]), STRIDE, 5)(torch.randn(4, 3, 32, 32))
    """,
    "the environment": """
        out = net(int(os.environ["NET_WIDTH"]), STRIDE, 5)(torch.randn(4, 3, 32, 32))
    """,
    "a question": """
        width = int(input("How wide? "))
        out = net(width, STRIDE, 5)(torch.randn(4, 3, 32, 32))
    """,
    "a number that a forward reads": """
        args = parsed()
        class Wrapped(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = net(8, STRIDE, 5)
            def forward(self, x):
                return self.net(x).repeat(1, args.classes)
        out = Wrapped()(torch.randn(4, 3, 32, 32))
    """,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_fails_for_each_number_is_an_error(name: str, lint: Lint, tmp_path: Path) -> None:
    for number, stride in (("right", "1"), ("wrong", "2")):
        (tmp_path / f"{number}.py").write_text(BLOCK + dedent(WRONG[name]).replace("STRIDE", stride))
    assert places(lint, tmp_path) == [("wrong.py", 14, "RL102")]


QUIET = {
    "the number that the head needs": """
        args = parsed()
        out = nn.Linear(args.width, 5)(torch.randn(4, 48))
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(48, 5)
            def forward(self, x):
                return self.fc(x)
        out = Net()(torch.randn(4, args.width))
    """,
    "two numbers that may be one": """
        args = parsed()
        class Sum(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = nn.Linear(4, args.width)
                self.b = nn.Linear(4, args.classes)
            def forward(self, x):
                return self.a(x) + self.b(x)
        out = Sum()(torch.randn(4, 4))
    """,
    "a default that keeps its number": """
        args = parsed()
        class Net(nn.Module):
            def __init__(self, width=args.width):
                super().__init__()
                self.fc = nn.Linear(width, 5)
            def forward(self, x):
                return self.fc(x)
        out = Net()(torch.randn(4, 48))
    """,
    "a number that a forward reads": """
        args = parsed()
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(48, 5)
            def forward(self, x):
                return self.fc(x.view(4, -1, args.width).mean(1))
        out = Net()(torch.randn(4, 480, 1))
    """,
    "what the script sets itself": """
        args = parsed()
        args.width = 48
        out = nn.Linear(args.width, 5)(torch.randn(4, 48))
    """,
    "what is below an exit": """
        out = net(8, 1, 5)(torch.randn(4, 3, 32, 32))
        sys.exit()
        out = nn.Sequential(net(8, 2, 5))(torch.randn(4, 3, 32, 32))
    """,
}


@pytest.mark.parametrize("name", QUIET)
def test_what_some_number_avoids_is_no_error(name: str, lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "quiet.py").write_text(BLOCK + dedent(QUIET[name]))
    assert [place for place in places(lint, tmp_path) if place[2] not in ("RL004", "RL106")] == []


def places(lint: Lint, folder: Path) -> list[tuple[str, int, str]]:
    findings = json.loads(lint(folder, "--format", "json").stdout)["findings"]
    return [(Path(finding["path"]).name, finding["start"]["line"], finding["rule"]) for finding in findings]
