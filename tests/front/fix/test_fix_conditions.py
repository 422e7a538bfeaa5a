"""A condition that gives too few shortcuts their projection is widened where it stands, and no second one is added."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Lint
from fixing import HEAD, block, build, findings, fix, main_block, output_shape, write

from resnet_lint.front.fix.verify import Fixer
from resnet_lint.front.workers.worker_client import WorkerClient
from resnet_lint.shared.records.findings import Traits
from resnet_lint.shared.records.reports import FileReport, Outcome
from resnet_lint.shared.records.requests import CheckRequest

SHAPE = (2, 4, 8, 8)
CALL = "nn.Sequential(Block(4, 4), Block(4, 4, 2), Block(4, 8))"
CONV = "self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)"
MADE = "nn.Conv2d(cin, cout, 1, stride=stride)"
WIDE = "stride != 1 or cin != cout"


def source_of(layers: list[str], helper: str = "", method: str = "") -> str:
    """A file whose block adds what `self.skip` makes of its input, or its input where that is None."""
    forward = ["out = self.conv(x)", "return out + (x if self.skip is None else self.skip(x))"]
    text = block(
        [CONV, *layers], forward, arguments="cin, cout, stride=1", call=CALL, shape=SHAPE, head=HEAD + helper
    )  # fmt: skip
    return text.replace("    def forward", method + "    def forward")


STATEMENT = ["self.skip = None", "if {}:", f"    self.skip = {MADE}"]
IDENTITY = ["if {}:", "    self.skip = nn.Identity()", "else:", f"    self.skip = {MADE}"]
EXPRESSION = [f"self.skip = {MADE} if {{}} else None"]
FUNCTION = (
    f"def shortcut(cin, cout, stride):\n    if {{}}:\n        return {MADE}\n    return nn.Identity()\n\n\n",
    "self.skip = shortcut(cin, cout, stride)",
)
METHOD = (
    f"""    def _skip(self, cin, cout, step):
        if {{}}:
            return {MADE.replace("=stride", "=step")}

""",
    "self.skip = self._skip(cin, cout, step=stride)",
)


@pytest.mark.parametrize(
    ("text", "narrow", "wide"),
    [
        (source_of(STATEMENT), "stride != 1", WIDE),
        (source_of(STATEMENT), "False", WIDE),
        (source_of(STATEMENT), "stride > 1 and cin != cout", WIDE),
        (source_of(STATEMENT), "cin is not None and stride != 1", f"cin is not None and ({WIDE})"),
        (source_of(STATEMENT), "stride != 1 or cin < 0 or self.training > 1", f"self.training > 1 or {WIDE}"),
        (source_of(IDENTITY), "stride == 1", "stride == 1 and cin == cout"),
        (source_of(EXPRESSION), "cin != cout", WIDE),
        (source_of([FUNCTION[1]], helper=FUNCTION[0]), "stride != 1", WIDE),
        (source_of([METHOD[1]], method=METHOD[0]), "cin != cout", "step != 1 or cin != cout"),
    ],
)
def test_the_condition_is_widened_where_it_stands(
    text: str, narrow: str, wide: str, lint: Lint, tmp_path: Path
) -> None:
    path = write(tmp_path, text.replace("{}", narrow))
    change = fix(lint, path)
    assert [line.replace(narrow, wide) for line in change.removed] == change.added
    assert len(change.added) == 1
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)
    assert [type(block.skip).__name__ in ("NoneType", "Identity") for block in build(path, CALL).children()] == [
        True,
        False,
        False,
    ]


NET = """

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.width = 4
        self.layer1 = self._make_layer(8, 1)
        self.layer2 = self._make_layer(8, 2)

    def _make_layer(self, planes, stride):
        downsample = None
        if {}:
            downsample = nn.Sequential(nn.Conv2d(self.width, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        block = Block({})
        self.width = planes
        return block

    def forward(self, x):
        return self.layer2(self.layer1(x))
"""


@pytest.mark.parametrize(
    ("test", "arguments", "title", "added"),
    [
        ("stride != 1", "self.width, planes, stride, downsample", "widen", "if stride != 1 or self.width != planes:"),
        ("True", "self.width, planes, stride, None", "pass", "block = Block(self.width, planes, stride, downsample)"),
        (
            "True",
            "self.width, planes, stride",
            "pass",
            "block = Block(self.width, planes, stride, downsample=downsample)",
        ),
    ],
)
def test_the_function_that_builds_the_block_makes_its_shortcut_and_passes_it(
    test: str, arguments: str, title: str, added: str, lint: Lint, tmp_path: Path
) -> None:
    forward = ["return self.conv(x) + (x if self.downsample is None else self.downsample(x))"]
    text = block([CONV, "self.downsample = downsample"], forward, arguments="cin, cout, stride=1, downsample=None")
    net = NET.format(test, arguments) + main_block("Net()", SHAPE)
    path = write(tmp_path, text.partition("\n\nif __name__")[0] + net)
    assert [finding["fix"]["title"].partition(" ")[0] for finding in findings(lint, path)] == [title]
    assert fix(lint, path).added == [added]
    assert output_shape(path, "Net()", SHAPE) == (2, 8, 4, 4)


def test_what_the_projection_is_not_built_with_stays_out_of_the_condition(lint: Lint, tmp_path: Path) -> None:
    """The shortcut pools before it projects, so its projection has no stride."""
    layers = ["self.pool = nn.MaxPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()", *STATEMENT]
    made = [line.replace("cout, 1, stride=stride", "cout, 1") for line in layers]
    text = (
        source_of(made).replace("(x if self.skip", "(self.pool(x) if self.skip").replace("(x))\n", "(self.pool(x)))\n")
    )
    path = write(tmp_path, text.replace("{}", "cin > cout"))
    assert fix(lint, path).added == ["if cin != cout:"]
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


def test_layers_of_the_users_own_kind_give_their_numbers(lint: Lint, tmp_path: Path) -> None:
    """The branch's convolution is a class of the file that calls its parameters otherwise, and is passed as one."""
    own = """class Conv(nn.Conv2d):
    def __init__(self, in_channel, out_channel, kernel, step=1, **kw):
        super().__init__(in_channel, out_channel, kernel, stride=step, **kw)


"""
    layers = ["self.conv = kind(cin, cout, 3, stride, padding=1)", *STATEMENT]
    forward = ["return self.conv(x) + (x if self.skip is None else self.skip(x))"]
    call = CALL.replace(")", ", kind=Conv)").replace("kind=Conv), kind=Conv)", "kind=Conv))")
    text = block(
        layers, forward, arguments="cin, cout, stride=1, kind=nn.Conv2d", call=call, shape=SHAPE, head=HEAD + own
    )
    path = write(tmp_path, text.replace("{}", "stride != 1"))
    assert fix(lint, path).added == ["if stride != 1 or cin != cout:"]
    assert output_shape(path, call, SHAPE) == (2, 8, 4, 4)


def test_a_shortcut_that_is_always_the_identity_becomes_a_projection(lint: Lint, tmp_path: Path) -> None:
    path = write(tmp_path, source_of(["self.skip = nn.Sequential()"]))
    change = fix(lint, path)
    assert change.removed == []
    assert change.added == [
        f"if {WIDE}:",
        f"self.skip = {MADE.replace('1, stride', 'kernel_size=1, stride')[:-1]}, bias=False)",
    ]
    assert output_shape(path, CALL, SHAPE) == (2, 8, 4, 4)


def test_a_fix_counts_only_if_the_model_of_its_finding_is_built_again(workers: WorkerClient, tmp_path: Path) -> None:
    """An edit that makes the constructor raise leaves no finding either."""
    text = source_of([STATEMENT[0], STATEMENT[1].format("stride != 1"), STATEMENT[2]])
    request = CheckRequest(str(write(tmp_path, text)))
    [finding] = (before := workers.analyse(request)).findings
    [failing] = [outcome for outcome in before.outcomes if outcome.label == finding.target]
    for outcomes, offered in [((), False), ((replace(failing, shapes="(2, 8, 4, 4)"),), True)]:
        after = FileReport(request.path, outcomes=outcomes)
        fixer = Fixer(request, lambda request, after=after: after)  # type: ignore[misc]
        assert (fixer.offered(finding, before, text) is not None) is offered


def test_an_unused_shortcut_that_some_blocks_lack_is_used_where_there_is_one(lint: Lint, tmp_path: Path) -> None:
    """To call it always would fix the first block, and end the second with `'NoneType' object is not callable`."""
    layers = [
        "self.conv = nn.Conv2d(cin, cout, 3, padding=1)",
        "self.skip = nn.Conv2d(cin, cout, 1) if cin != cout else None",
    ]
    call = "nn.Sequential(Block(4, 8), Block(8, 8))"
    text = block(layers, ["out = self.conv(x)", "return out + x"], arguments="cin, cout", call=call, shape=SHAPE)
    path = write(tmp_path, text)
    assert fix(lint, path).added == ["return out + (self.skip(x) if self.skip is not None else x)"]
    assert output_shape(path, call, SHAPE) == (2, 8, 8, 8)


@pytest.mark.parametrize(
    ("change", "offered"),
    [
        ({"severity": "warning", "target": "Other()"}, True),  # it did not run before: the fault came first
        ({"severity": "warning", "target": "Sound()"}, True),  # about the expression that failed
        ({"severity": "warning", "target": "Sound()", "module": "Sound"}, False),
        ({"severity": "error", "target": "Other()"}, False),
    ],
)
def test_a_new_finding_speaks_against_a_fix_unless_it_was_hidden(
    change: dict[str, Any], offered: bool, workers: WorkerClient, tmp_path: Path
) -> None:
    text = source_of([STATEMENT[0], STATEMENT[1].format("stride != 1"), STATEMENT[2]])
    request = CheckRequest(str(write(tmp_path, text)))
    found = workers.analyse(request)
    [finding] = found.findings
    assert finding.target is not None
    before = replace(found, outcomes=(Outcome("Sound()", "(2, 8, 4, 4)"), Outcome("Other()", None)))
    outcomes = (*before.outcomes, Outcome(finding.target, "(2, 8, 4, 4)"))
    after = FileReport(
        request.path, (replace(finding, rule="RL105", traits=Traits(proof="reported"), **change),), outcomes=outcomes
    )
    assert (Fixer(request, lambda request: after).offered(finding, before, text) is not None) is offered


def test_a_flag_in_front_of_a_branch_without_weights_is_told_and_left_alone(lint: Lint, tmp_path: Path) -> None:
    forward = ["y = self.pool(x)", "if self.use_res:", "    y = y + x", "return y"]
    text = block(["self.pool = nn.MaxPool2d(3, 2, 1)", "self.use_res = True"], forward, arguments="", call="Block()")
    path = write(tmp_path, text)
    result = lint(path, "--fix")
    assert (result.exit_code, path.read_text()) == (1, text)
    assert "restrict self.use_res" in result.output


def test_an_expression_over_several_lines(lint: Lint, tmp_path: Path) -> None:
    source = """
class Block(nn.Module):
    expansion = 2

    def __init__(self, cin, planes, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, self.expansion *
                              planes, 3, stride=stride, padding=1)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Conv2d(cin, self.expansion *
                                      planes, 1, stride=stride)

    def forward(self, x):
        return self.conv(x) + self.shortcut(x)


if __name__ == "__main__":
    Block(4, 8)(torch.randn(2, 4, 8, 8))
"""
    path = write(tmp_path, HEAD + source)
    assert fix(lint, path).added == ["if stride != 1 or cin != self.expansion * planes:"]
