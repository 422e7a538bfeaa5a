"""RL303: any other shape mismatch in a forward pass."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import Analysis, Case, Finding, Rule
from resnet_lint.shared.error_text import is_about_dtypes


class ForwardShape(Rule):
    """What it does: finds any other call in a forward pass with mismatched shapes: a view, a matrix product, a rank.
    It also reports mismatched dtypes, such as a float64 array of NumPy that is passed to a float32 layer.

    Why is this bad: the forward pass raises at this line, with the shapes that the file itself uses.

    Example:
        x = torch.squeeze(x)        # drops the batch too when it is 1
        return self.classifier(x)

    Use instead:
        x = x.flatten(1)

    Fix safety: Safe where the models that ran before keep their shapes and parameter names; unsafe otherwise.
    """

    code = "RL303"
    name = "forward-shape"
    fixable = True
    bad = (
        Case(
            "a view with a wrong size",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 8, 3, padding=1)
                def forward(self, x):
                    return self.conv(x).view(-1, 7)  # <- RL303
            if __name__ == "__main__":
                Net()(torch.randn(2, 3, 8, 8))
        """,
        ),
        Case(
            "a squeeze that drops the batch",
            """
            class Head(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.pool = nn.AdaptiveAvgPool2d(1)
                    self.norm = nn.BatchNorm1d(8)
                def forward(self, x):
                    x = self.pool(x)
                    x = x.squeeze()  # <- RL303
                    return self.norm(x)
            if __name__ == "__main__":
                Head()(torch.randn(1, 8, 4, 4))
        """,
        ),
        Case(
            "a product of operands with different channels",
            """
            class Gate(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(8, 4, 1)
                def forward(self, x):
                    return x * self.conv(x)  # <- RL303
            if __name__ == "__main__":
                Gate()(torch.randn(2, 8, 4, 4))
        """,
        ),
        Case(
            "a float64 input, as NumPy makes it",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv1d(8, 8, 1, bias=False)
                def forward(self, x):
                    return x + self.conv(x)  # <- RL303
            if __name__ == "__main__":
                Net()(torch.zeros(2, 8, 4, dtype=torch.float64))
        """,
        ),
        Case(
            "an integer mask in a matrix product",
            """
            class Pool(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(8, 8)
                def forward(self, x, mask):
                    return mask @ self.fc(x)  # <- RL303
            if __name__ == "__main__":
                Pool()(torch.randn(2, 6, 8), torch.ones(2, 6, 6, dtype=torch.long))
        """,
        ),
    )
    good = (
        Case(
            "a float64 model, and mixed precision under autocast",
            """
            class Double(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(8, 8).double()
                def forward(self, x):
                    return x + self.fc(x)
            class Mixed(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(8, 8)
                    self.norm = nn.LayerNorm(8)
                def forward(self, x):
                    with torch.autocast("cuda", dtype=torch.float16):
                        x = self.norm(x).half()
                        return self.fc(x) + x @ self.fc.weight
            if __name__ == "__main__":
                Mixed()(torch.randn(2, 8))
        """,
        ),
        Case(
            "RGB means in a model with an unknown number of input channels",
            """
            class Super(nn.Module):
                def __init__(self, num_in_ch, num_out_ch):
                    super().__init__()
                    self.mean = torch.Tensor((0.4, 0.4, 0.4)).view(1, 3, 1, 1)
                    self.conv = nn.Conv2d(num_in_ch, num_out_ch, 3, padding=1)
                def forward(self, x):
                    self.mean = self.mean.type_as(x)
                    return self.conv(x - self.mean) + self.mean
        """,
        ),
        Case(
            "a flatten that keeps the batch",
            """
            class Head(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.pool = nn.AdaptiveAvgPool2d(1)
                    self.norm = nn.BatchNorm1d(8)
                def forward(self, x):
                    return self.norm(self.pool(x).flatten(1))
            if __name__ == "__main__":
                Head()(torch.randn(1, 8, 4, 4))
        """,
        ),
        Case(
            "a model that catches the error",
            """
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(8, 8)
                def forward(self, x):
                    try:
                        x = x.view(-1, 7)
                    except RuntimeError:
                        pass
                    return self.fc(x)
            if __name__ == "__main__":
                Net()(torch.randn(2, 8))
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for failure in analysis.failures:
            unusual_addition = failure.kind == "addition" and (not failure.differs or "batch" in failure.differs)
            if (failure.kind == "other" or unusual_addition) and failure.condition is None:
                yield self.finding(failure, _message(failure.error))


def _message(error: str) -> str:
    if error.endswith("only for scalar outputs"):
        return f"backward() of more than one value: {error}"
    what = "dtype" if is_about_dtypes(error) else "shape"
    return f"{what} mismatch: {error.removeprefix('shape mismatch: ')}"
