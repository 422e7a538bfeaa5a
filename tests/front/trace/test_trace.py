"""`resnet-lint trace`: the stages of a model (F5), the shapes along the forward pass (F6), and faults."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Lint
from running import write
from traced import DEEP, steps_of, trace_of

FIXTURES = Path(__file__).parents[3] / "fixtures"
PIPELINE = FIXTURES / "f5_pipeline"


def cells(table: str) -> list[list[str]]:
    """The numbered rows of a table; cells are separated by at least two spaces."""
    _, body, *_ = table.split("\n\n")
    lines = body.splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines if line.strip()[:1].isdigit()]


def test_f5_table_of_stages(lint: Lint) -> None:
    result = lint("trace", PIPELINE / "fixed.py")
    assert (result.exit_code, result.stderr) == (0, "")
    assert cells(result.stdout) == [
        ["1", "x", "input image", "224 x 224 x 3"],
        ["2", "conv .. maxpool", "first convolution and max pooling", "224 x 224 x 3", "56 x 56 x 64", "9,472"],
        [
            *("3", "block", "residual block: two convolutions, plus the input"),
            *("56 x 56 x 64", "56 x 56 x 64", "73,856"),
        ],
        ["4", "stack", "2 stacked residual blocks", "56 x 56 x 64", "56 x 56 x 256", "1,934,336"],
        ["5", "avgpool", "global average pooling", "56 x 56 x 256", "1 x 1 x 256"],
        ["6", "flatten .. fc", "fully connected layer", "1 x 1 x 256", "1000 classes", "257,000"],
    ]
    assert "out (rows x columns x channels)" in result.stdout
    assert "\n2,274,664 parameters" in result.stdout


def test_f6_one_image_through_the_six_layers(lint: Lint) -> None:
    result = lint("trace", PIPELINE / "fixed.py", "--prediction")
    assert cells(result.stdout) == [
        ["1.", "input image", "224 x 224 x 3", "150,528 values"],
        ["2.", "first convolution and max pooling", "56 x 56 x 64", "200,704 values"],
        ["3.", "residual block: two convolutions, plus the input", "56 x 56 x 64", "200,704 values"],
        ["4.", "2 stacked residual blocks", "56 x 56 x 256", "802,816 values"],
        ["5.", "global average pooling", "1 x 1 x 256", "256 values"],
        ["6.", "fully connected layer", "1000 classes", "1,000 values"],
    ]


def test_f5_without_the_projection_the_fault_is_reported_and_the_trace_continues(lint: Lint) -> None:
    result = lint("trace", PIPELINE / "model.py", "--shapes", "nchw")
    assert result.exit_code == 1
    rows = cells(result.stdout)
    assert rows[3][-1] == "FAULT"
    assert rows[5][4] == "(1, 1000)"
    assert "  = residual branch (1, 256, 56, 56)\n  = shortcut (1, 64, 56, 56)\n" in result.stdout
    assert "FAULT: " in result.stdout and "model.py:25: stack.0.add: " in result.stdout


def test_the_json_report_has_branch_and_shortcut(lint: Lint) -> None:
    report = trace_of(lint("trace", PIPELINE / "fixed.py", "--format", "json"))
    steps = steps_of(report)
    assert [stage["number"] for stage in report["stages"]] == [1, 2, 3, 4, 5, 6]
    assert report["stages"][1]["out"] == [{"shape": [1, 64, 56, 56], "symbolic": ["N", "64", "ceil(H/4)", "ceil(W/4)"]}]
    assert report["contract"]["inputs"] == [{"name": "x", "sizes": ["N", "3", "H", "W"], "dtype": "float32"}]
    assert [steps[id]["path"] for id in report["residual_additions"]] == ["block.add", "stack.0.add", "stack.1.add"]
    arriving = {
        steps[id]["path"]: {
            (steps[flow["source"]]["path"], flow["role"]) for flow in report["flows"] if flow["target"] == id
        }
        for id in report["residual_additions"]
    }
    assert arriving["block.add"] == {("maxpool", "shortcut"), ("block.conv2", "branch")}
    assert arriving["stack.0.add"] == {("stack.0.shortcut", "shortcut"), ("stack.0.conv2", "branch")}
    conv = next(step for step in steps.values() if step["path"] == "block.conv1")
    assert (conv["called"]["line"], conv["built"]["line"], conv["detail"]) == (26, 18, "3x3, 64 -> 64")


def test_symbolic_shapes(lint: Lint) -> None:
    result = lint("trace", PIPELINE / "fixed.py", "--symbolic")
    assert [row[-2] for row in cells(result.stdout)[1:4]] == [
        *("ceil(H/4) x ceil(W/4) x 64", "ceil(H/4) x ceil(W/4) x 64", "ceil(H/4) x ceil(W/4) x 256"),
    ]
    assert cells(result.stdout)[-1][-2] == "1000 classes"


def test_the_input_contract_is_part_of_the_trace(lint: Lint, tmp_path: Path) -> None:
    model = tmp_path / "deep.py"
    model.write_text(DEEP)
    result = lint("trace", model, "--symbolic", "--shapes", "nchw")
    assert "\ntakes x: (N, 8, H, W), float32\nwhere H % 4 == 0 (" in result.stdout
    assert cells(result.stdout)[-1][-2] == "(N, 8, H, W)"


def test_a_failing_model_has_no_contract(lint: Lint) -> None:
    assert "takes x" not in lint("trace", PIPELINE / "model.py").stdout


def test_a_fault_in_json_has_both_operands(lint: Lint) -> None:
    report = trace_of(lint("trace", PIPELINE / "model.py", "--format", "json"))
    [fault] = report["faults"]
    assert [operand["shape"] for operand in fault["operands"]] == [[1, 256, 56, 56], [1, 64, 56, 56]]
    assert steps_of(report)[fault["step"]]["path"] == "stack.0.add"
    assert [stage["number"] for stage in report["stages"] if stage["faulty"]] == [4]


def test_a_block_is_shown_at_its_first_call(lint: Lint) -> None:
    result = lint("trace", f"{PIPELINE / 'fixed.py'}::ResidualBlock")
    assert "ResidualBlock at block in Classifier()" in result.stdout
    assert [row[1] for row in cells(result.stdout)] == [
        "input",
        "block.conv1 .. block.relu",
        "block.conv2",
        "block.add .. block.relu",
    ]


def test_depth_expands_modules(lint: Lint) -> None:
    rows = cells(lint("trace", PIPELINE / "fixed.py", "--depth", "2").stdout)
    names = [row[1] for row in rows]
    assert names[2:7] == ["block.conv1 .. block.relu", "block.conv2", "block.add .. block.relu", "stack.0", "stack.1"]
    assert rows[5][2] == "residual block: two convolutions, plus a projection of the input"


LIBRARY = """
def tiny(width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 5))
"""

STOPS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        y = self.layer(x)
        raise KeyError("missing")
"""


def test_a_function_that_returns_a_model_without_a_class_in_the_file(lint: Lint, tmp_path: Path) -> None:
    result = lint("trace", f"{write(tmp_path, LIBRARY)}::tiny")
    assert result.exit_code == 0
    assert [row[2] for row in cells(result.stdout)] == [
        *("input image", "convolution", "global average pooling", "fully connected layer"),
    ]


def test_a_forward_that_raises_is_shown_up_to_the_error(lint: Lint, tmp_path: Path) -> None:
    result = lint("trace", write(tmp_path, STOPS), "--input", "x=2x4")
    assert result.exit_code == 1
    assert "the trace ended early: line 13: KeyError: 'missing'" in result.stdout
    assert "fully connected layer" in result.stdout


RECURRENT = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 8)

    def forward(self, x):
        return x + self.lstm(x)[0]
"""


def test_given_inputs_take_precedence_over_those_of_the_file(lint: Lint, tmp_path: Path) -> None:
    net = "class Net(nn.Module):\n    def forward(self, x):\n        return torch.relu(x)\n"
    model = write(tmp_path, f"import torch\nfrom torch import nn\n\n{net}\nNet()(torch.ones(1, 3, 32, 32))\n")
    result = lint("trace", model, "--input", "x=5x3x7x9", "--shapes", "nchw")
    assert "(5, 3, 7, 9)" in result.stdout


def test_the_identity_is_the_shortcut(lint: Lint, tmp_path: Path) -> None:
    report = trace_of(lint("trace", write(tmp_path, RECURRENT), "--input", "x=5x2x8", "--format", "json"))
    steps = steps_of(report)
    [addition] = report["residual_additions"]
    roles = {steps[flow["source"]]["name"]: flow["role"] for flow in report["flows"] if flow["target"] == addition}
    assert roles == {"x": "shortcut", "lstm": "branch"}


@pytest.mark.parametrize(
    ("target", "options", "expected"),
    [
        ("::Nothing", [], "defines no nn.Module class or function Nothing"),
        ("", ["--call", "tiny('wide')"], "TypeError"),
        ("", ["--call", "other()"], "defines no other"),
        ("", [], "no model could be constructed and traced; it defines none"),
        ("", ["--prediction", "--format", "json"], "--prediction cannot be combined with --format"),
        ("", ["--depth", "0"], "0 is not in the range x>=1"),
    ],
)
def test_bad_input_is_reported_in_one_line(
    target: str, options: list[str], expected: str, lint: Lint, tmp_path: Path
) -> None:
    result = lint("trace", f"{write(tmp_path, LIBRARY)}{target}", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_folder_is_not_a_model(lint: Lint, tmp_path: Path) -> None:
    assert "is a directory; pass the file" in lint("trace", tmp_path).stderr


def test_the_contract_of_a_model_that_fails_at_the_size_of_its_file(lint: Lint, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        dedent("""
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.enter, self.pool, self.up = nn.Conv2d(3, 8, 1), nn.MaxPool2d(4), nn.Upsample(scale_factor=4)

            def forward(self, x):
                x = self.enter(x)
                return torch.cat([x, self.up(self.pool(x))], 1)

        if __name__ == "__main__":
            Net()(torch.randn(1, 3, 30, 32))
        """),
    )
    result = lint("trace", path)
    assert result.exit_code == 1
    assert "takes x: (N, 3, H, W), float32\nwhere H % 4 == 0 (32 works, 31 fails)\n" in result.stdout


def test_no_contract_for_a_model_that_fails_at_every_size(lint: Lint) -> None:
    assert "takes " not in lint("trace", PIPELINE / "model.py").stdout


def test_a_block_is_shown_at_a_failing_call(lint: Lint) -> None:
    result = lint("trace", FIXTURES / "resnet18" / "model.py::BasicBlock")
    assert result.exit_code == 1
    assert "BasicBlock at layer2.0 in ResNet18()" in result.stdout


def test_a_layer_that_is_called_twice_has_no_edge_to_itself(lint: Lint, tmp_path: Path) -> None:
    source = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 1)

    def forward(self, x):
        x = self.stem(x)
        return [self.head(x), self.head(nn.functional.max_pool2d(x, 2))]
"""
    rows = cells(lint("trace", write(tmp_path, source)).stdout)
    assert [row[3] for row in rows if row[1] == "head"] == ["224 x 256 x 8", "112 x 128 x 8"]


def test_the_common_options(lint: Lint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.resnet-lint]\noutput = 'check.txt'\ntimeout = 'soon'\n")
    model = FIXTURES / "f5_pipeline/fixed.py"
    assert "timeout in [tool.resnet-lint]: 'soon' must be" in lint("trace", model).stderr
    whole = lint("trace", model, "--isolated", "--timeout", "60").stdout
    assert lint("trace", model, "--isolated", "-q", "-o", "table.txt").stdout == ""
    quiet = (tmp_path / "table.txt").read_text()
    assert quiet.rstrip("\n") in whole
    assert "parameters; torch" in whole
    assert "parameters; torch" not in quiet
    (tmp_path / "pyproject.toml").write_text("[tool.resnet-lint]\noutput = 'check.txt'\nquiet = true\n")
    assert lint("trace", model).stdout == quiet  # the file of the check is not its own
    assert lint("trace", model, "-o", "no/such.txt").stderr.startswith("resnet-lint: --output: no such directory:")
    assert lint("trace", model, "--python", "nowhere").stderr.startswith("resnet-lint: --python: no such file: ")
