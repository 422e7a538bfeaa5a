"""A model from a package that is not installed has unknown layers, not zero layers."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Lint
from fixing import HEAD, findings, write


@pytest.mark.parametrize(
    "init",
    [
        "self.net = nn.Sequential(*list(absent_models.resnet18().children())[:-2], nn.Flatten(), nn.Linear(512, 5))",
        "self.net = absent_models.resnet18()\n        self.net.fc = nn.Linear(self.net.fc.in_features, 5)",
    ],
    ids=["children", "a number"],
)
def test_nothing_is_concluded_from_them(init: str, lint: Lint, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"""import absent_models
{HEAD}class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {init}

    def forward(self, x):
        return self.net(x)


Net()(torch.randn(2, 3, 224, 224))
""",
    )
    found = findings(lint, path)
    assert [finding["rule"] for finding in found] == ["RL005", "RL003"]
    assert "absent_models" in found[1]["message"] and "is not installed" in found[1]["message"]
    assert "Missing" not in found[1]["message"]
