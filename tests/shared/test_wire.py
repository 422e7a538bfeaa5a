"""Records are equal after serialization, and other data is rejected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_lint.shared.records.answers import Answer, Checked, Ended, Refused, ToolFault, Traced
from resnet_lint.shared.records.evaluation import Evaluation
from resnet_lint.shared.records.hardware_run import EngineTask, Result
from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace
from resnet_lint.shared.records.places import Position
from resnet_lint.shared.records.reports import FileReport
from resnet_lint.shared.records.requests import CheckRequest, Request, TraceRequest
from resnet_lint.shared.wire import WireError, from_json, to_json

st.register_type_strategy(float, st.floats(allow_nan=False))
PART = st.builds(ForwardStep, parts=st.just(()))
st.register_type_strategy(ForwardStep, st.builds(ForwardStep, parts=st.lists(PART, max_size=2).map(tuple)))


@dataclass(frozen=True)
class Leaf:
    size: int | str | None


@dataclass(frozen=True)
class Twig:
    size: int | str | None


@dataclass(frozen=True)
class Tree:
    grown: tuple[Leaf | Twig | None, ...]
    above: Tree | None = None
    names: frozenset[str] = frozenset()
    ends: tuple[Position, float] | None = None
    mode: Literal["a", "b"] | int = "a"
    sizes: dict[str, tuple[int, ...]] | None = None


def over_the_wire(value: Any, wanted: Any) -> Any:
    return from_json(wanted, json.loads(json.dumps(to_json(value, wanted))))


@pytest.mark.parametrize("wanted", [Answer, Request, EngineTask, FileReport, ModelTrace, Result, Evaluation, Tree])
@settings(max_examples=15)
@given(data=st.data())
def test_a_record_comes_back_equal(wanted: Any, data: st.DataObject) -> None:
    value = data.draw(st.from_type(wanted))
    again = over_the_wire(value, wanted)
    assert (again, type(again)) == (value, type(value))


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (Answer, None),
        (Answer, 3),
        (Answer, []),
        (Answer, {}),
        (Answer, {"record": "Ended"}),
        (Answer, {"record": "Ended", "reason": "it ends", "line": "7"}),
        (Answer, {"record": "Ended", "reason": "it ends", "line": None, "more": 1}),
        (Answer, {"record": "Other", "reason": "it ends", "line": None}),
        (Answer, {"record": ["Ended"], "reason": "it ends"}),
        (Leaf, {"size": 1.5}),
        (Leaf, {"size": True}),
        (Position, {"line": 1}),
        (Tree, {**to_json(Tree(())), "mode": "c"}),
        (Tree, {**to_json(Tree(())), "ends": [{"line": 1, "column": 2}]}),
        (Tree, {**to_json(Tree(())), "sizes": {"x": 1}}),
        (tuple[int, ...], {"0": 1}),
    ],
)
def test_what_is_no_record_is_refused(wanted: Any, fields: Any) -> None:
    with pytest.raises(WireError):
        from_json(wanted, fields)


def test_only_unions_of_records_are_named() -> None:
    assert to_json(Tree((Leaf(1), None), above=Tree(()))) == {
        "grown": [{"record": "Leaf", "size": 1}, None],
        "above": {"grown": [], "above": None, "names": [], "ends": None, "mode": "a", "sizes": None},
        "names": [],
        "ends": None,
        "mode": "a",
        "sizes": None,
    }
    assert to_json(Ended("it ends"), Answer) == {"record": "Ended", "reason": "it ends", "line": None}


def test_each_answer_and_request_has_a_name_of_its_own() -> None:
    names = {record.__name__ for record in (Checked, Traced, Ended, Refused, ToolFault, CheckRequest, TraceRequest)}
    assert len(names) == 7
