"""Results of runs for tests of the reports, constructed without loading a model."""

from __future__ import annotations

from pathlib import Path

from resnet_lint.shared.records.findings import Finding, Fix, Severity
from resnet_lint.shared.records.places import Cause, Edit, Operand, Position, Span
from resnet_lint.shared.records.reports import ClassStatus, FileReport, Run
from resnet_lint.shared.records.requests import Interpreter

BLOCK = """\
from torch import nn


class BasicBlock(nn.Module):
    def forward(self, x):
        identity = x
        out = self.conv2(self.conv1(x))
        out += identity
        return out
"""


INTERPRETER = Interpreter("/opt/model/bin/python", "3.11.7", "2.13.0")


def span(path: Path, line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span(str(path), Position(line, column), Position(end_line, end_column))


def write_block(folder: Path) -> Path:
    path = folder / "models" / "block.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(BLOCK)
    return path


def mismatch(path: Path, places: int = 3, severity: Severity = "error") -> Finding:
    """The finding that every reader knows: 128 channels meet 64."""
    return Finding(
        rule="RL103",
        name="residual-shape-mismatch",
        severity=severity,
        message="the addition cannot work: the residual branch has 128 channels at 16x16, the shortcut 64 at 32x32",
        span=span(path, 8, 9, 8, 24),
        module="BasicBlock",
        module_paths=tuple(f"layer{number}.0" for number in range(2, 2 + places)),
        target="ResNet(BasicBlock, [2, 2, 2, 2])",
        operands=(
            Operand("residual branch", (2, 128, 16, 16), ("N", "128", "(H-1)//2+1", "(W-1)//2+1")),
            Operand("shortcut", (2, 64, 32, 32)),
        ),
        causes=(
            Cause(str(path), 7, "conv1: 64 -> 128 channels, stride 2"),
            Cause(str(path.with_name("layers.py")), 3, "conv2: 128 -> 128 channels"),
        ),
        fix=Fix(
            "project the shortcut: nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False)",
            "safe",
            verified=True,
            edits=(Edit(Position(6, 20), Position(6, 21), "self.shortcut(x)"),),
        ),
    )


def untraced(path: Path) -> Finding:
    return Finding(
        "RL004", "class-not-traced", "warning", "forward() failed:\n\x1b[31mbad\x1b[0m input", span(path, 4, 7, 4, 17)
    )


def classes(path: Path) -> tuple[ClassStatus, ...]:
    return (
        ClassStatus(str(path), "BasicBlock", 4, "checked", how="ResNet() -> layer1.0"),
        ClassStatus(str(path), "Base", 11, "skipped", reason="abstract"),
        ClassStatus(str(path), "Head", 20, "failed", reason="cannot be built: size is unknown"),
    )


def run_of(path: Path, *findings: Finding) -> Run:
    """A run over one file with these findings."""
    return Run((FileReport(str(path), findings, classes(path)),), INTERPRETER, 1.0)


def full_run(folder: Path) -> Run:
    path = write_block(folder)
    report = FileReport(
        str(path), (mismatch(path), untraced(path)), classes(path), ("2 factories were not traced: time was up",)
    )
    return Run((report,), INTERPRETER, 2.14)
