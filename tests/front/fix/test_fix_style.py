"""A fix is written as the file is written: its imports, its indentation, its names, its bytes; nothing else changes."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest
from conftest import Lint
from fixing import HEAD, Change, block, build, findings, fix, lines, main_block, output_shape, write

SHAPE = (2, 4, 8, 8)
CALL = "Block(4, 8, 2)"
CONV = "self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)"
NORM = "self.norm = nn.BatchNorm2d(cout)"
ADD = ["out = self.conv(x)", "return out + x"]
PLAIN = block([CONV], ADD)

IDENTITY = "self.shortcut = nn.Identity()"
CONDITION = "if stride != 1 or cin != cout:"
PROJECTION = "nn.Conv2d(cin, cout, kernel_size=1, stride=stride, bias=False)"
ADDED = [IDENTITY, CONDITION, f"self.shortcut = {PROJECTION}", "return out + self.shortcut(x)"]


def with_norm(identity: str, sequential: str, projection: str, norm: str) -> list[str]:
    """The lines that build a projection with a normalization behind it."""
    assigned = f"self.shortcut = {sequential}("
    return [f"self.shortcut = {identity}", CONDITION, assigned, f"{projection},", f"{norm},", ")"]


# --- how the file reaches torch.nn ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("imports", "prefix"),
    [
        ("import torch\nimport torch.nn as nn", "nn."),
        ("import torch\nfrom torch import nn", "nn."),
        ("import torch\nimport torch.nn", "torch.nn."),
        ("import torch\nimport torch.nn as tnn", "tnn."),
        ("import torch\nfrom torch import nn as layers", "layers."),
        ("import torch\nfrom torch import (\n    Tensor,\n    nn,\n)", "nn."),
    ],
)
def test_layers_are_named_as_the_file_names_them(imports: str, prefix: str, lint: Lint, tmp_path: Path) -> None:
    source = block([CONV], ADD, head="").replace("nn.", prefix)
    path = write(tmp_path, f"{imports}\n\n\n{source}")
    assert fix(lint, path).added == [line.replace("nn.", prefix) for line in ADDED]
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


@pytest.mark.parametrize(
    "imports",
    [
        "import torch\nfrom torch.nn import BatchNorm2d, Conv2d, Identity, Module, ReLU, Sequential",
        "import torch\nfrom torch.nn import (\n    BatchNorm2d, Conv2d,\n    Identity, Module,\n    Sequential,\n)",
        "from torch import randn\nfrom torch.nn import BatchNorm2d, Conv2d, Identity, Module, ReLU, Sequential",
    ],
    ids=["on one line", "in parentheses", "without torch"],
)
def test_layers_imported_by_name_are_used_by_name(imports: str, lint: Lint, tmp_path: Path) -> None:
    source = block([CONV, NORM], ["return self.norm(self.conv(x)) + x"], head="").replace("nn.", "")
    if "import torch\n" not in imports:
        source = source.replace("torch.", "")
    path = write(tmp_path, f"{imports}\n\n\n{source}")
    projection = "Conv2d(cin, cout, kernel_size=1, stride=stride, bias=False)"
    assert fix(lint, path).added == [
        *with_norm("Identity()", "Sequential", projection, "BatchNorm2d(cout)"),
        "return self.norm(self.conv(x)) + self.shortcut(x)",
    ]
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


@pytest.mark.parametrize("torch_too", [True, False], ids=["torch is imported too", "torch is not imported"])
def test_a_file_that_imports_neither_sequential_nor_identity(torch_too: bool, lint: Lint, tmp_path: Path) -> None:
    head = ("import torch\n" if torch_too else "") + "from torch.nn import Conv2d, BatchNorm2d, Module, ReLU\n\n\n"
    layers = "self.conv = Conv2d(cin, cout, 3, stride=stride, padding=1)", "self.norm = BatchNorm2d(cout)"
    source = block(layers, ["return self.norm(self.conv(x)) + x"], arguments="cin=4, cout=8, stride=2", head=head)
    path = write(tmp_path, source.replace("nn.Module", "Module").partition("\n\nif __name__")[0])
    added = fix(lint, path).added
    assert any("BatchNorm2d(cout)" in line for line in added)
    assert output_shape(path, "Block()", SHAPE) == (2, 8, 4, 4)
    if torch_too:  # what the file does import by name is used by name
        assert not any("nn.Conv2d" in line for line in added), added


# --- bytes: indentation, line ends, encodings -------------------------------------------------------------------------


@pytest.mark.parametrize("indent", ["\t", "  "], ids=["tabs", "two spaces"])
def test_the_indentation_is_the_files_own(indent: str, lint: Lint, tmp_path: Path) -> None:
    change = fix(lint, write(tmp_path, PLAIN.replace("    ", indent)))
    added = [line for line in lines(change.after) if line not in lines(change.before)]
    assert b"".join(added).decode() == (
        f"{indent * 2}{IDENTITY}\n{indent * 2}{CONDITION}\n{indent * 3}self.shortcut = {PROJECTION}\n"
        f"{indent * 2}return out + self.shortcut(x)\n"
    )


ENCODED = {
    "dos line ends": PLAIN.replace("\n", "\r\n").encode(),
    "a byte order mark": codecs.BOM_UTF8 + PLAIN.encode(),
    "a coding cookie": f"# -*- coding: latin-1 -*-\n# café\n{PLAIN}# é\n".encode("latin-1"),
    "letters of more than one byte": f'"""Überblick 你好 🎉."""\n{PLAIN}'.encode(),
    "a form feed between classes": PLAIN.replace("\n\nclass", "\n\x0c\nclass").encode(),
    "a form feed in front of a statement": PLAIN.replace(HEAD, f"{HEAD}\x0cSIZE = 3\n\n\n").encode(),
    "a line separator in a comment": PLAIN.replace("__()\n", "__()  # a\u2028b\n", 1).encode(),
    "a next line character in latin-1": f"# coding: latin-1\n# a\x85b\n{PLAIN}".encode("latin-1"),
}


@pytest.mark.parametrize("before", ENCODED.values(), ids=ENCODED)
def test_the_bytes_of_the_other_lines_stay(before: bytes, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, before)
    change = fix(lint, path)
    assert (change.removed, change.added) == (["return out + x"], ADDED)
    assert change.after.count(b"\r") == (change.after.count(b"\n") if b"\r" in before else 0)
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


def test_a_line_of_the_file_is_a_line_of_the_diff(lint: Lint, tmp_path: Path) -> None:
    """A form feed ends no line, or what applies diffs loses count."""
    path = write(tmp_path, block([CONV], ["out = self.conv(x)  # \x0c and so on", "return out + x"]))
    shown = lint(path, "--diff").stdout.split("\n")
    changed = [line[1:].strip() for line in shown[2:] if line[:1] in ("-", "+")]
    assert changed == [*ADDED[:3], "return out + x", ADDED[3]]
    assert all(line[:1] in ("-", "+", " ", "@", "") for line in shown)


def test_no_newline_at_the_end_of_the_file(lint: Lint, tmp_path: Path) -> None:
    source = block([CONV], ADD, arguments="cin=4, cout=8, stride=2", call="Block()").partition("\n\n\nif __name__")[0]
    path = write(tmp_path, source.removesuffix("\n"))
    assert fix(lint, path).after.endswith(b"        return out + self.shortcut(x)")
    assert output_shape(path, "Block()", SHAPE) == (2, 8, 4, 4)


def test_a_constructor_that_ends_the_file_without_a_newline(lint: Lint, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"{HEAD}class Block(nn.Module):\n    def forward(self, x):\n        return self.conv(x) + x\n\n"
        "    def __init__(self, cin=4, cout=8, stride=2):\n        super().__init__()\n        " + CONV,
    )
    assert fix(lint, path).after.endswith(f"            self.shortcut = {PROJECTION}".encode())
    assert output_shape(path, "Block()", SHAPE) == (2, 8, 4, 4)


def test_comments_and_layout_stay_byte_for_byte(lint: Lint, tmp_path: Path) -> None:
    source = block(
        [
            "# the only   convolution",
            "self.conv = nn.Conv2d(  # of the block",
            "    cin,   cout,",
            "    kernel_size = 3,",
            "    stride=stride,  # may be 2",
            "",
            "    padding=1,",
            ")  # end of conv",
        ],
        ["out = self.conv(", "    x   # input", ")", "return (", "    out  # branch", "    + x  # the input", ")"],
    )
    change = fix(lint, write(tmp_path, source))
    assert change.removed == ["+ x  # the input"]
    assert change.added == [*ADDED[:3], "+ self.shortcut(x)  # the input"]


# --- how the addition is written --------------------------------------------------------------------------------------

ADDITIONS = {
    "return out + x": "return out + self.shortcut(x)",
    "return x + out": "return self.shortcut(x) + out",
    "out += x; return out": "out += self.shortcut(x); return out",
    "x += out; return x": "x = self.shortcut(x) + out; return x",
    "return torch.add(x, out)": "return torch.add(self.shortcut(x), out)",
    "return x.add(out)": "return self.shortcut(x).add(out)",
    "return x.add_(out)": "return self.shortcut(x).add_(out)",
    "return out.add_(x)": "return out.add_(self.shortcut(x))",
    "return out + 0.5 * x": "return out + self.shortcut(0.5 * x)",
}


@pytest.mark.parametrize(("written", "fixed"), ADDITIONS.items(), ids=list(ADDITIONS))
def test_the_addition_keeps_its_form(written: str, fixed: str, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, block([CONV], ["out = self.conv(x)", written]))
    change = fix(lint, path)
    assert (change.removed, change.added) == ([written], [*ADDED[:3], fixed])
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


# --- how the branch is built ------------------------------------------------------------------------------------------

CONV_BN_ACT = """\
class ConvBNAct(nn.Module):
    def __init__(self, inp, oup, step=1):
        super().__init__()
        self.conv = nn.Conv2d(inp, oup, 3, step, 1, bias=False)
        self.bn = nn.BatchNorm2d(oup)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


"""
CONV3X3 = """\
def conv3x3(in_planes, out_planes, step=1):
    return nn.Conv2d(in_planes, out_planes, kernel_size=3, stride=step, padding=1, bias=False)


"""
KEYWORDS = """\
def conv(in_planes, out_planes, **kwargs):
    return nn.Conv2d(in_planes, out_planes, kernel_size=3, padding=1, **kwargs)


"""
PATHS = """\
class Paths(nn.Module):
    def __init__(self, inp, oup, step):
        super().__init__()
        self.paths = nn.ModuleList([nn.Conv2d(inp, oup, k, step, k // 2) for k in (3, 5)])

    def forward(self, x):
        return torch.relu(self.paths[0](x)) * self.paths[1](x)


"""
SEQUENTIAL = [
    "self.conv = nn.Sequential(",
    "    nn.Conv2d(cin, cout, 3, stride, 1),",
    "    nn.BatchNorm2d(cout),",
    "    nn.ReLU(),",
    "    nn.Conv2d(cout, cout, 3, 1, 1),",
    "    nn.BatchNorm2d(cout),",
    ")",
]
BRANCHES = {
    "keyword arguments": (
        block(
            ["self.conv = nn.Conv2d(kernel_size=3, stride=stride, padding=1, out_channels=cout, in_channels=cin)"], ADD
        ),
        ADDED[:3],
    ),
    "a helper function": (block(["self.conv = conv3x3(cin, cout, stride)"], ADD, head=HEAD + CONV3X3), ADDED[:3]),
    "a group normalization": (
        block([CONV, "self.norm = nn.GroupNorm(4, cout)"], ["out = self.norm(self.conv(x))", "return out + x"]),
        with_norm("nn.Identity()", "nn.Sequential", PROJECTION, "nn.GroupNorm(4, cout)"),
    ),
    "pre-activation has no norm behind it": (
        block(["self.norm = nn.BatchNorm2d(cin)", CONV], ["out = self.conv(self.norm(x))", "return out + x"]),
        ADDED[:3],
    ),
    "nn.Sequential": (
        block(SEQUENTIAL, ADD),
        with_norm("nn.Identity()", "nn.Sequential", PROJECTION, "nn.BatchNorm2d(cout)"),
    ),
    "another class of the file": (
        block(["self.conv = ConvBNAct(cin, cout, stride)"], ADD, head=HEAD + CONV_BN_ACT),
        with_norm("nn.Identity()", "nn.Sequential", PROJECTION, "nn.BatchNorm2d(cout)"),
    ),
    "a normalization from a variable": (
        block(
            [CONV, "norm = nn.BatchNorm2d", "self.norm = norm(cout)"], ["out = self.norm(self.conv(x))", ADD[1]]
        ),
        with_norm("nn.Identity()", "nn.Sequential", PROJECTION, "norm(cout)"),
    ),
    "a helper that hands its keywords on": (
        block(["self.conv = conv(cin, cout, stride=stride)"], ADD, head=HEAD + KEYWORDS), ADDED[:3]
    ),
    "a comprehension in another class": (
        block(["self.conv = Paths(cin, cout, stride)"], ADD, head=HEAD + PATHS), ADDED[:3]
    ),
    "annotated attributes": (block([CONV.replace(" =", ": nn.Module =", 1)], ADD), ADDED[:3]),
}  # fmt: skip


@pytest.mark.parametrize(("source", "built"), BRANCHES.values(), ids=BRANCHES)
def test_the_projection_is_found_through_the_way_the_branch_is_built(
    source: str, built: list[str], lint: Lint, tmp_path: Path
) -> None:
    path = write(tmp_path, source)
    change = fix(lint, path)
    assert (change.removed, change.added) == (["return out + x"], [*built, "return out + self.shortcut(x)"])
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


@pytest.mark.parametrize(("dimensions", "shape"), [(1, (2, 4, 10)), (3, (2, 4, 6, 6, 6))])
def test_convolutions_of_other_dimensions(dimensions: int, shape: tuple[int, ...], lint: Lint, tmp_path: Path) -> None:
    layers = [CONV.replace("2d", f"{dimensions}d"), NORM.replace("2d", f"{dimensions}d")]
    path = write(tmp_path, block(layers, ["out = self.norm(self.conv(x))", "return out + x"], shape=shape))
    assert f"{PROJECTION},".replace("2d", f"{dimensions}d") in fix(lint, path).added
    assert output_shape(path, CALL, shape) == (2, 8, *((size + 1) // 2 for size in shape[2:]))


def test_a_signal_whose_channels_and_length_trade_places_is_still_projected(lint: Lint, tmp_path: Path) -> None:
    """A convolution from 4 to 8 channels that halves 8 steps: the same numbers the other way round, by accident."""
    shape = (2, 4, 8)
    path = write(tmp_path, block([CONV.replace("2d", "1d")], ADD, shape=shape))
    assert fix(lint, path).added == [line.replace("2d", "1d") for line in ADDED]
    assert output_shape(path, CALL, shape) == (2, 8, 4)


def test_linear_layers_get_a_linear_projection(lint: Lint, tmp_path: Path) -> None:
    layers = ["self.fc1 = nn.Linear(dim, hidden)", "self.fc2 = nn.Linear(hidden, out_dim)"]
    source = block(
        layers, ["return x + self.fc2(F.relu(self.fc1(x)))"],
        arguments="dim, hidden, out_dim", call="Block(4, 16, 8)", shape=(2, 5, 4),
    )  # fmt: skip
    path = write(tmp_path, source)
    assert fix(lint, path).added == [
        IDENTITY,
        "if dim != out_dim:",
        "self.shortcut = nn.Linear(dim, out_dim, bias=False)",
        "return self.shortcut(x) + self.fc2(F.relu(self.fc1(x)))",
    ]
    assert output_shape(path, "Block(4, 16, 8)", (2, 5, 4)) == (2, 5, 8)


@pytest.mark.parametrize(
    ("layer", "arguments", "call"),
    [
        ("nn.Conv2d(kw['cin'], kw['out'], 3, stride=kw['stride'], padding=1)", "**kw", "Block(cin=4, out=8, stride=2)"),
        ("nn.Conv2d(cin, cout, 3, padding=1, **kw)", "cin, cout, **kw", "Block(4, 8, stride=2)"),
        ("nn.Conv2d(*sizes, 3, padding=1, **kw)", "*sizes, **kw", "Block(4, 8, stride=2)"),
    ],
)
def test_a_constructor_that_takes_any_keyword(
    layer: str, arguments: str, call: str, lint: Lint, tmp_path: Path
) -> None:
    path = write(tmp_path, block([f"self.conv = {layer}"], ADD, arguments=arguments, call=call))
    fix(lint, path)
    assert output_shape(path, call, SHAPE) == (2, 8, 4, 4)
    assert output_shape(path, call.replace("2)", "1)").replace("8", "4"), SHAPE) == SHAPE


def test_a_stride_that_a_pooling_layer_makes_keeps_the_names_of_the_channels(lint: Lint, tmp_path: Path) -> None:
    layers = ["self.conv = nn.Conv2d(cin, cout, 3, padding=1)", "self.pool = nn.MaxPool2d(2)"]
    source = block(layers, ["return self.pool(self.conv(x)) + x"], arguments="cin, cout", call="Block(4, 8)")
    path = write(tmp_path, source)
    assert any("Conv2d(cin, cout, kernel_size=1, stride=2" in line for line in fix(lint, path).added)


def test_expressions_of_a_bottleneck(lint: Lint, tmp_path: Path) -> None:
    source = block(
        [
            "norm_layer = norm_layer or nn.BatchNorm2d",
            "self.conv1 = nn.Conv2d(inplanes, planes, 1)",
            "self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1)",
            "self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1)",
            "self.bn3 = norm_layer(planes * self.expansion)",
        ],
        ["out = self.bn3(self.conv3(self.conv2(self.conv1(x))))", "out += x", "return out"],
        arguments="inplanes, planes, stride=1, norm_layer=None", call="Block(8, 4, 2)", shape=(2, 8, 8, 8),
    )  # fmt: skip
    path = write(tmp_path, source.replace("(nn.Module):\n", "(nn.Module):\n    expansion = 4\n\n"))
    assert fix(lint, path).added == [
        IDENTITY,
        "if stride != 1 or inplanes != planes * self.expansion:",
        "self.shortcut = nn.Sequential(",
        "nn.Conv2d(inplanes, planes * self.expansion, kernel_size=1, stride=stride, bias=False),",
        "norm_layer(planes * self.expansion),",
        ")",
        "out += self.shortcut(x)",
    ]
    assert output_shape(path, "Block(8, 4, 2)", (2, 8, 8, 8)) == (2, 16, 4, 4)


# --- names ------------------------------------------------------------------------------------------------------------


def neighbour(name: str) -> str:
    """A correct class with a projection of this name."""
    return block(
        ["self.conv = nn.Conv2d(cin, cout, 1)", f"self.{name} = nn.Conv2d(cin, cout, 1)"],
        [f"return self.conv(x) + self.{name}(x)"], arguments="cin, cout",
    ).replace("Block", "Neighbour").partition("\n\nif __name__")[0] + "\n\n"  # fmt: skip


@pytest.mark.parametrize("name", ["downsample", "proj"])
def test_the_name_is_the_one_that_the_file_uses_elsewhere(name: str, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, block([CONV], ADD, head=neighbour(name)))
    assert fix(lint, path).added == [line.replace("shortcut", name) for line in ADDED]


def test_a_name_that_only_begins_like_one_is_not_used_elsewhere(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, block([CONV], ADD, head=neighbour("skip_weight")))
    assert fix(lint, path).added == ADDED


def test_the_name_is_not_one_that_the_class_has_given_away(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, block(["self.shortcut = nn.ReLU()", CONV], ["return self.shortcut(self.conv(x) + x)"]))
    assert fix(lint, path).removed == ["return self.shortcut(self.conv(x) + x)"]
    assert isinstance(getattr(build(path, CALL), "shortcut", None), type(build(path, "nn.ReLU()")))
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


@pytest.mark.parametrize(
    "member", ["shortcut = True", "def shortcut(self):\n        return 1"], ids=["an attribute", "a method"]
)
def test_the_name_is_not_one_of_the_class_body(member: str, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN.replace("(nn.Module):\n", f"(nn.Module):\n    {member}\n\n"))
    assert ".shortcut" not in " ".join(fix(lint, path).added)


def test_the_name_is_not_one_of_the_base_class(lint: Lint, tmp_path: Path) -> None:
    source = HEAD + '''\
class Base(nn.Module):
    def __init__(self, cout):
        super().__init__()
        self.shortcut = nn.Conv2d(cout, cout, 1)

    def forward(self, x):
        return self.shortcut(self.features(x))


class Block(Base):
    def __init__(self, cin, cout):
        super().__init__(cout)
        self.conv = nn.Conv2d(cin, cout, 1)

    def features(self, x):
        return self.conv(x) + x
''' + main_block("Block(4, 8)", SHAPE)  # fmt: skip
    path = write(tmp_path, source)
    assert "self.shortcut" not in " ".join(fix(lint, path).added)
    assert output_shape(path, "Block(4, 8)", SHAPE) == (2, 8, 8, 8)


# --- which fix --------------------------------------------------------------------------------------------------------

DOWNSAMPLE = block(
    [CONV, "self.downsample = downsample"],
    ["out = self.conv(x)", "if self.downsample is not None:", "    x = self.downsample(x)", "return out + x"],
    arguments="cin, cout, stride=1, downsample=None",
)  # fmt: skip


def test_a_block_that_was_given_no_downsample_makes_its_own(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, DOWNSAMPLE)
    change = fix(lint, path)
    assert change.removed == []
    assert change.added == ["if downsample is None and (stride != 1 or cin != cout):", f"downsample = {PROJECTION}"]
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)
    assert list(build(path, "Block(4, 4)").state_dict()) == ["conv.weight", "conv.bias"]
    assert output_shape(path, "Block(4, 8, 2, nn.Conv2d(4, 8, 2, 2))", SHAPE) == (2, 8, 4, 4)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("nn.Conv2d(cin, cout, 1)", "nn.Conv2d(cin, cout, 1, stride=stride)"),
        ("nn.Conv2d(cin, cin, 1, stride=stride)", "nn.Conv2d(cin, cout, 1, stride=stride)"),
        ("nn.Conv2d(cin, cout, 1, bias=False)", "nn.Conv2d(cin, cout, 1, stride=stride, bias=False)"),
        (
            "nn.Sequential(nn.AvgPool2d(stride, ceil_mode=True), nn.Conv2d(cin, cout, 1, stride=2))",
            "nn.Sequential(nn.AvgPool2d(stride, ceil_mode=True), nn.Conv2d(cin, cout, 1, stride=1))",
        ),
        (
            "nn.Sequential(nn.Conv2d(cin, cout, 1), nn.BatchNorm2d(cout))",
            "nn.Sequential(nn.Conv2d(cin, cout, 1, stride=stride), nn.BatchNorm2d(cout))",
        ),
    ],
)
def test_a_projection_that_exists_is_corrected(wrong: str, right: str, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, block([CONV, f"self.skip = {wrong}"], ["return self.conv(x) + self.skip(x)"]))
    change = fix(lint, path)
    assert (change.removed, change.added) == ([f"self.skip = {wrong}"], [f"self.skip = {right}"])
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


def test_a_projection_that_is_built_and_not_used_gets_used(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, block([CONV, "self.skip = nn.Conv2d(cin, cout, 1, stride=stride)"], ADD))
    assert fix(lint, path).added == ["return out + self.skip(x)"]
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


NARROW = [CONV, "self.skip = nn.Identity()", "if {}:", "    self.skip = nn.Conv2d(cin, cout, 1, stride=stride)"]


@pytest.mark.parametrize(("condition", "call"), [("stride != 1", "Block(4, 8, 1)"), ("cin != cout", "Block(4, 4, 2)")])
def test_a_condition_that_is_too_narrow_never_costs_a_second_projection(
    condition: str, call: str, lint: Lint, tmp_path: Path
) -> None:
    """Widened, or left alone: a block that strides and widens already ran, and has to run on."""
    layers = [line.format(condition) for line in NARROW]
    path = write(tmp_path, block(layers, ["return self.conv(x) + self.skip(x)"], call=call))
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)
    lint(path, "--fix")
    assert "self.skip(x)" in path.read_text()
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)
    children = dict(build(path, CALL).named_children())
    assert set(children) == {"conv", "skip"}


@pytest.mark.parametrize(("condition", "call"), [("stride != 1", "Block(4, 8, 1)"), ("cin != cout", "Block(4, 4, 2)")])
def test_a_condition_that_is_too_narrow_is_widened(condition: str, call: str, lint: Lint, tmp_path: Path) -> None:
    layers = [line.format(condition) for line in NARROW]
    path = write(tmp_path, block(layers, ["return self.conv(x) + self.skip(x)"], call=call))
    change = fix(lint, path)
    assert change.removed == [f"if {condition}:"]
    assert output_shape(path, call, SHAPE) == ((2, 8, 8, 8) if "8" in call else (2, 4, 4, 4))
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


def test_lost_padding_comes_back_as_the_block_would_write_it(lint: Lint, tmp_path: Path) -> None:
    layers = ["self.conv1 = nn.Conv2d(width, width, kernel)", "self.conv2 = nn.Conv2d(width, width, kernel)"]
    source = block(layers, ["return self.conv2(self.conv1(x)) + x"], arguments="width, kernel=3", call="Block(4)")
    path = write(tmp_path, source)
    change = fix(lint, path)
    assert change.removed == layers
    assert change.added == [line.replace("kernel)", "kernel, padding=kernel // 2)") for line in layers]
    assert output_shape(path, "Block(4, 5)", SHAPE) == SHAPE


# --- several places ---------------------------------------------------------------------------------------------------


SIBLINGS = """\
class Block(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)) + x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.same = Block(4, 4)
        self.down = Block(4, 8, stride=2)

    def forward(self, x):
        return self.down(self.same(x))
"""


def test_a_block_that_is_also_built_with_matching_shapes_keeps_its_parameters(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + SIBLINGS + main_block("Net()", SHAPE))
    before = build(path, "Net().same").state_dict()
    fix(lint, path)
    after = build(path, "Net().same").state_dict()
    assert {key: value.shape for key, value in after.items()} == {key: value.shape for key, value in before.items()}
    assert any(key.startswith("shortcut") for key in build(path, "Net().down").state_dict())
    assert output_shape(path, "Net()", SHAPE) == (2, 8, 4, 4)


def test_several_classes_are_fixed_in_one_run(lint: Lint, tmp_path: Path) -> None:
    flat = block(["self.fc = nn.Linear(dim, out)"], ["return x + self.fc(x)"], arguments="dim, out", head="")
    parts = [
        block([CONV], ADD).replace("Block", "First").partition("\n\nif __name__")[0],
        block([CONV, NORM], ["out = self.norm(self.conv(x))", "out += x", "return out"], head="\n\n")
        .replace("Block", "Second")
        .partition("\n\nif __name__")[0],
        "\n\n" + flat.replace("Block", "Third").partition("\n\nif __name__")[0],
        "\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.first, self.second, self.third = First(4, 8, 1), Second(8, 16, 2), Third(16, 10)\n\n"
        "    def forward(self, x):\n        return self.third(self.second(self.first(x)).mean((2, 3)))\n",
        main_block("Net()", SHAPE),
    ]
    path = write(tmp_path, "".join(parts))
    assert len(findings(lint, path)) == 3
    assert len(fix(lint, path).removed) == 3
    assert output_shape(path, "Net()", SHAPE) == (2, 10)


def test_two_additions_of_one_forward(lint: Lint, tmp_path: Path) -> None:
    layers = ["self.conv1 = nn.Conv2d(cin, cout, 1)", "self.conv2 = nn.Conv2d(cout, last, 1)"]
    forward = ["x = self.conv1(x) + x", "x = self.conv2(x) + x", "return x"]
    path = write(tmp_path, block(layers, forward, arguments="cin, cout, last", call="Block(4, 8, 6)"))
    added = fix(lint, path).added
    assert output_shape(path, "Block(4, 8, 6)", SHAPE) == (2, 6, 8, 8)
    assert output_shape(path, "Block(4, 4, 6)", SHAPE) == (2, 6, 8, 8)
    # Each projection stands in one piece: what is there already is not taken apart.
    first = next(number for number, line in enumerate(added) if "Identity()" in line)
    name = added[first].partition(" ")[0]
    assert added[first + 2].startswith(f"{name} = "), added


# --- no fix -----------------------------------------------------------------------------------------------------------

UNFIXABLE = {
    "one projection cannot serve every round of a loop": block(
        ["self.convs = nn.ModuleList([nn.Conv2d(4, 8, 1), nn.Conv2d(8, 16, 1)])"],
        ["for conv in self.convs:", "    x = conv(x) + x", "return x"],
    ),
    "a block without a constructor of its own": block(["self.conv = nn.Conv2d(cin, cout, 1)"], ["return x"])
    .replace("Block", "Base")
    .partition("\n    def forward")[0]
    + "\n\nclass Block(Base):\n    def forward(self, x):\n        return self.conv(x) + x\n"
    + main_block(CALL, SHAPE),
}  # fmt: skip


@pytest.mark.parametrize("source", UNFIXABLE.values(), ids=UNFIXABLE)
def test_where_no_fix_can_be_proved_there_is_a_suggestion(source: str, lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, source)
    result = lint(path, "--fix", "--format", "json")
    assert result.exit_code == 1
    [found] = json.loads(result.stdout)["findings"]
    assert found["fix"] == {**found["fix"], "applicability": "suggestion", "verified": False, "edits": []}
    assert path.read_text() == source
    assert "hint (not verified): " in lint(path).stdout


def test_a_change_says_what_it_removed_and_added() -> None:
    change = Change(b"a\nb\n  c", b"a\nB\nnew\n  c")
    assert (change.removed, change.added) == (["b"], ["B", "new"])


# --- long lines -------------------------------------------------------------------------------------------------------

PADDING = """class Shortcut(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Block(nn.Module):
    def __init__(self, in_planes, planes, stride):
        super().__init__()
        self.conv = nn.Conv2d(in_planes, planes, 3, stride=stride, padding=1)
        if stride == 1 and in_planes == planes:
            self.shortcut = nn.Identity()
        else:
            self.shortcut = Shortcut(lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, planes // 8, planes // 8)))

    def forward(self, x):
        return self.conv(x) + self.shortcut(x)


nn.Sequential(Block(8, 16, 2), Block(16, 32, 2))(torch.randn(2, 8, 16, 16))
"""


def test_amounts_that_make_a_line_too_long_are_on_a_line_of_their_own(lint: Lint, tmp_path: Path) -> None:
    assert fix(lint, write(tmp_path, HEAD + PADDING)).added == [
        "self.shortcut = Shortcut(lambda x: F.pad(",
        "x[:, :, ::2, ::2], (0, 0, 0, 0, (planes - in_planes) // 2, (planes - in_planes) // 2)",
        "))",
    ]
