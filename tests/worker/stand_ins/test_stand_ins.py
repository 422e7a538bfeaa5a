"""Stand-ins for packages that are not installed: their layers have the shapes of the real ones."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Lint

# A model each; with the first value for @ it runs, with the second torch refuses a layer or an addition.
MODELS = {
    "einops": (
        """
        from einops import rearrange, reduce, repeat
        from einops.layers.torch import Rearrange, Reduce

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.patches = Rearrange("b c (h p) (w q) -> b (h w) (p q c)", p=4, q=4)
                self.embed = nn.Linear(48, 32)
                self.cls = nn.Parameter(torch.zeros(1, 1, 32))
                self.pool = Reduce("b n d -> b d", "mean")
                self.mix = nn.Linear(32, @)

            def forward(self, x):
                x = self.embed(self.patches(x))
                x = x + self.mix(x)
                x = torch.cat([repeat(self.cls, "1 n d -> b n d", b=x.shape[0]), x], dim=1)
                x = rearrange(x, "b n (h d) -> b h n d", h=4) * 2
                x = rearrange(x, "b h ... -> b ... h") + reduce(x, "b h n d -> b 1 1 h", "max")
                return self.pool(rearrange(x, "b n d h -> b n (h d)"))

        Net()(torch.randn(2, 3, 32, 32))
        """,
        ("32", "31"),
    ),
    "timm": (
        """
        from timm.models.layers import DropPath, Mlp, to_2tuple, trunc_normal_
        from timm.models.registry import register_model

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem = nn.Conv2d(3, 24, to_2tuple(4), stride=to_2tuple(4))
                self.mlp = Mlp(24, 48, out_features=@)
                self.drop_path = DropPath(0.1)
                trunc_normal_(self.stem.weight, std=0.02)

            def forward(self, x):
                x = self.stem(x).flatten(2).transpose(1, 2)
                return x + self.drop_path(self.mlp(x))

        small = register_model(Net)
        """,
        ("24", "20"),
    ),
    "omegaconf": (
        """
        from omegaconf import OmegaConf

        cfg = OmegaConf.create({"width": 16, "head": {"features": @}})

        class Net(nn.Module):
            def __init__(self, cfg):
                super().__init__()
                self.conv = nn.Conv2d(3, cfg.width, 3)
                self.head = nn.Conv2d(cfg["head"].features, 2, 3)

            def forward(self, x):
                return self.head(self.conv(x))

        net = Net(cfg)
        """,
        ("16", "12"),
    ),
    "yacs": (
        """
        from yacs.config import CfgNode as CN

        _C = CN()
        _C.MODEL = CN()
        _C.MODEL.WIDTH = 16
        _C.MODEL.FEATURES = @

        class Net(nn.Module):
            def __init__(self, cfg):
                super().__init__()
                self.conv = nn.Conv2d(3, cfg.MODEL.WIDTH, 3)
                self.head = nn.Conv2d(cfg.MODEL.FEATURES, 2, 3)

            def forward(self, x):
                return self.head(self.conv(x))

        net = Net(_C.clone())
        """,
        ("16", "12"),
    ),
    "mmcv": (
        """
        from mmcv.cnn import ConvModule, build_norm_layer
        from mmcv.runner import BaseModule

        class Net(BaseModule):
            def __init__(self, init_cfg=None):
                super().__init__(init_cfg)
                self.first = ConvModule(3, 16, 3, padding=1, norm_cfg=dict(type="BN", requires_grad=True))
                self.second = ConvModule(16, @, 3, padding=1, norm_cfg=None, act_cfg=None)
                self.norm_name, norm = build_norm_layer(dict(type="GN", num_groups=4), 16)
                self.add_module(self.norm_name, norm)

            def forward(self, x):
                x = self.first(x)
                return getattr(self, self.norm_name)(x + self.second(x))
        """,
        ("16", "8"),
    ),
    "pytorch_lightning": (
        """
        import pytorch_lightning as pl

        class Net(pl.LightningModule):
            def __init__(self, width=16, lr=0.1):
                super().__init__()
                self.save_hyperparameters()
                self.conv = nn.Conv2d(3, self.hparams.width, 3, padding=1)
                self.more = nn.Conv2d(self.hparams.width, @, 3, padding=1)

            def forward(self, x):
                x = self.conv(x)
                self.log("mean", 1.0)
                return x + self.more(x)
        """,
        ("16", "8"),
    ),
    "transformers": (
        """
        from transformers import PretrainedConfig, PreTrainedModel
        from transformers.activations import ACT2FN
        from transformers.modeling_outputs import BaseModelOutput

        class NetConfig(PretrainedConfig):
            def __init__(self, hidden_size=32, vocab_size=100, **kwargs):
                super().__init__(**kwargs)
                self.hidden_size, self.vocab_size, self.num_labels = hidden_size, vocab_size, 5

        class Net(PreTrainedModel):
            config_class = NetConfig

            def __init__(self, config):
                super().__init__(config)
                self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
                self.linear = nn.Linear(config.hidden_size, @)
                self.post_init()

            def forward(self, input_ids, return_dict=None):
                return_dict = return_dict if return_dict is not None else self.config.use_return_dict
                x = self.embed(input_ids)
                out = BaseModelOutput(last_hidden_state=x + ACT2FN["gelu"](self.linear(x)))
                return out if return_dict else out[0]
        """,
        ("32", "20"),
    ),
    "detectron2": (
        """
        from detectron2.layers import Conv2d, get_norm

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = Conv2d(3, 64, 3, padding=1, norm=get_norm("BN", 64), activation=torch.relu)
                self.second = Conv2d(64, @, 3, padding=1, norm=get_norm("", 64))

            def forward(self, x):
                x = self.first(x)
                return x + self.second(x)
        """,
        ("64", "32"),
    ),
}


def check(lint: Lint, folder: Path, source: str) -> tuple[str, list[str]]:
    """What became of the class, and the rules of the errors."""
    path = folder / "model.py"
    path.write_text("import torch\nfrom torch import nn\n" + dedent(source))
    report = json.loads(lint(path, "--format", "json").stdout)
    [status] = [each["status"] for each in report["modules"] if each["target"].endswith("::Net")]
    return status, [each["rule"] for each in report["findings"] if each["severity"] == "error"]


@pytest.mark.parametrize("package", MODELS)
def test_a_model_that_needs_a_package_which_is_not_installed(lint: Lint, tmp_path: Path, package: str) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip("it is installed here")
    source, (right, wrong) = MODELS[package]
    assert check(lint, tmp_path, source.replace("@", right)) == ("checked", [])
    status, rules = check(lint, tmp_path, source.replace("@", wrong))
    assert (status, len(rules)) == ("checked", 1)
    assert rules[0].startswith(("RL1", "RL3"))


def test_a_package_that_is_there_is_used(lint: Lint, tmp_path: Path) -> None:
    (tmp_path / "einops.py").write_text("def rearrange(x, pattern):\n    return x.flatten(1)\n")
    source = """
    from einops import rearrange

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3 * 8 * 8, 4)

        def forward(self, x):
            return self.linear(rearrange(x, "no pattern of the real one"))

    Net()(torch.randn(2, 3, 8, 8))
    """
    assert check(lint, tmp_path, source) == ("checked", [])


def test_what_is_not_known_of_a_package_is_not_checked(lint: Lint, tmp_path: Path) -> None:
    source = """
    from timm.layers import NobodyKnowsThis

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.other = NobodyKnowsThis(8)

        def forward(self, x):
            return self.other(self.conv(x))
    """
    assert check(lint, tmp_path, source) == ("failed", [])


@pytest.mark.parametrize(("pattern", "status"), [("b c h w -> b (h w) c", "checked"), ("b c h w z -> b h c", "failed")])
def test_a_pattern_that_does_not_fit(lint: Lint, tmp_path: Path, pattern: str, status: str) -> None:
    source = f"""
    from einops import rearrange

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x):
            return rearrange(self.conv(x), "{pattern}")
    """
    assert check(lint, tmp_path, source) == (status, [])
