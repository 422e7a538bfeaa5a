"""A script that constructs a class of another file with numbers from configuration files and classes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from conftest import Lint

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, kind, width, side):
        super().__init__()
        if kind != "plain":
            raise ValueError("there is no such kind")
        self.features = nn.Conv2d(3, width, 3, padding=1)
        self.fc = nn.Linear(width * side * side, 4)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))
"""
YAML = "kind: plain\nwidth: 6\nside: SIDE\n"
USE = "    Net(cfg.kind, cfg.width, cfg.side)(torch.randn(2, 3, 20, 20))\n"
PROJECTS = {
    "Hydra": {
        "conf/config.yaml": "defaults:\n  - model: small\n  - _self_\nseed: 1\n",
        "conf/model/small.yaml": YAML,
        "train.py": "import hydra, torch\nfrom net import Net\n\n"
        '@hydra.main(version_base=None, config_path="conf", config_name="config")\n'
        "def main(cfg):\n    cfg = cfg.model\n" + USE + '\nif __name__ == "__main__":\n    main()\n',
    },
    "OmegaConf": {
        "configs/base.yaml": YAML,
        "train.py": "import torch\nfrom omegaconf import OmegaConf\nfrom net import Net\n\n"
        'cfg = OmegaConf.load("configs/base.yaml")\nif True:\n' + USE,
    },
    "YAML": {
        "base.yaml": YAML,
        "train.py": "import torch, yaml\nfrom net import Net\n\n"
        'with open("base.yaml") as file:\n    cfg = yaml.safe_load(file)\n'
        "Net(**cfg)(torch.randn(2, 3, 20, 20))\n",
    },
    "JSON": {
        "base.json": '{"kind": "plain", "width": 6, "side": SIDE}',
        "train.py": "import json, torch\nfrom argparse import Namespace\nfrom net import Net\n\n"
        'cfg = Namespace(**json.load(open("base.json")))\nif True:\n' + USE,
    },
    "a dataclass": {
        "settings.py": "from dataclasses import dataclass\n\n@dataclass\nclass Settings:\n"
        '    kind: str = "plain"\n    width: int = 6\n    side: int = SIDE\n',
        "train.py": "import torch\nfrom net import Net\nfrom settings import Settings\n\n"
        "cfg = Settings()\nif True:\n" + USE,
    },
}


def check(lint: Lint, folder: Path, files: dict[str, str], side: str) -> tuple[str, list[str]]:
    (folder / ".git").mkdir(exist_ok=True)
    for name, text in {"net.py": NET, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("SIDE", side))
    report = json.loads(lint(folder / "net.py", "--format", "json").stdout)
    errors = [finding["rule"] for finding in report["findings"] if finding["severity"] == "error"]
    return report["modules"][0]["status"], errors


@pytest.mark.parametrize("kind", PROJECTS)
def test_settings_of_a_project(lint: Lint, tmp_path: Path, kind: str) -> None:
    if kind in ("Hydra", "OmegaConf", "YAML") and importlib.util.find_spec("yaml") is None:
        pytest.skip("nothing reads YAML here")
    assert check(lint, tmp_path, PROJECTS[kind], "20") == ("checked", [])
    assert check(lint, tmp_path, PROJECTS[kind], "18") == ("checked", ["RL301"])


def test_a_file_of_settings_that_does_not_parse(lint: Lint, tmp_path: Path) -> None:
    files = PROJECTS["Hydra"] | {"conf/model/small.yaml": "kind: [plain\nwidth: 6"}
    assert check(lint, tmp_path, files, "20")[1] == []
    assert "train.py was run in part: ParserError: while parsing" in lint(tmp_path / "net.py", "--verbose").stdout
