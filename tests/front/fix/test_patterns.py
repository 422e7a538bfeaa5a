"""The patterns of nodes find what those of libcst.matchers do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import libcst as cst
import libcst.matchers
import pytest

from resnet_lint.front.fix import patterns

MODULE = cst.parse_module(Path(patterns.__file__).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "m.Call()",
        "m.Call(m.Name('getattr'))",
        "m.Name() | m.Attribute(m.Name('self'))",
        "m.Attribute(~m.Name('self'), m.Name('has'))",
        "m.Assign(targets=[m.AssignTarget(m.Attribute(m.Name('self')))])",
        "m.Arg(m.Name('node'), keyword=None)",
        "m.Call(args=[m.Arg(), m.Arg()])",
        "m.Comparison(comparisons=[m.ComparisonTarget(operator=m.IsNot() | m.Equal())])",
        "m.AnnAssign(m.Attribute(m.Name('self')))",
        "m.FunctionDef(m.Name(fullmatch('_.*')))",
    ],
)
def test_they_find_what_those_of_libcst_do(text: str) -> None:
    own: dict[str, Any] = {"m": patterns, "fullmatch": re.compile}
    others = {"m": libcst.matchers, "fullmatch": libcst.matchers.MatchRegex}
    found = patterns.findall(MODULE, eval(text, own))
    assert found and found == list(libcst.matchers.findall(MODULE, eval(text, others)))
    assert all(patterns.matches(node, eval(text, own)) for node in found)


def test_only_nodes_have_patterns() -> None:
    with pytest.raises(AttributeError):
        patterns.parse_module()
