"""The four conditions of a fix, and what makes it safe, each on reports of its own."""

from __future__ import annotations

from dataclasses import replace

from resnet_lint.front.fix.conditions import (
    is_gone,
    nothing_ends_earlier,
    nothing_is_new,
    nothing_is_unchecked,
    others_are_kept,
)
from resnet_lint.front.fix.kept import is_kept
from resnet_lint.shared.records.findings import Finding, Traits
from resnet_lint.shared.records.places import Position, Span
from resnet_lint.shared.records.reports import ClassStatus, FileReport, Outcome

SPAN = Span("model.py", Position(9, 16), Position(9, 23))
ADDITION = Finding(
    "RL102",
    "stride",
    "error",
    "it cannot work",
    SPAN,
    module="Block",
    target="Block(4, 8)",
    traits=Traits(family="addition"),
)
WARNING = Finding("RL203", "twice", "warning", "it is added twice", SPAN, module="Net", target="Net()")
BEFORE = FileReport(
    "model.py",
    (ADDITION,),
    (ClassStatus("model.py", "Block", 3, "checked"), ClassStatus("model.py", "Net", 20, "failed")),
    outcomes=(
        Outcome("Block(4, 8)", None, complete=True, layers=2),
        Outcome("Net()", "[] -> []", additions=2, layers=5),
    ),
)
FIXED = replace(BEFORE, findings=())


def with_outcome(outcome: Outcome) -> FileReport:
    return replace(FIXED, outcomes=(outcome,))


def test_the_finding_is_gone() -> None:
    other_code = replace(ADDITION, rule="RL101")  # one family: what differs is another axis now
    assert is_gone(ADDITION, BEFORE, FIXED)
    assert not is_gone(ADDITION, BEFORE, BEFORE)
    assert not is_gone(ADDITION, BEFORE, replace(FIXED, findings=(other_code,)))
    assert is_gone(ADDITION, replace(BEFORE, findings=(ADDITION, ADDITION)), BEFORE)


def test_nothing_is_new() -> None:
    moved = replace(ADDITION, span=replace(SPAN, start=Position(12, 1)))
    assert nothing_is_new(BEFORE, FIXED)
    assert nothing_is_new(BEFORE, replace(FIXED, findings=(moved,)))
    assert not nothing_is_new(BEFORE, replace(FIXED, findings=(replace(ADDITION, module="Net"),)))
    assert not nothing_is_new(BEFORE, replace(FIXED, findings=(WARNING,)))
    assert nothing_is_new(BEFORE, replace(FIXED, findings=(replace(WARNING, severity="info"),)))
    # Of a model that had a fault before, a warning may have been hidden; an error is never.
    hidden = replace(WARNING, target="Block(4, 8)")
    assert nothing_is_new(BEFORE, replace(FIXED, findings=(hidden,)))
    assert not nothing_is_new(BEFORE, replace(FIXED, findings=(replace(hidden, severity="error"),)))


def test_what_is_left_is_not_another_fault() -> None:
    """Sizes in what is left may change, but what a layer expects shows whether the fix fits."""
    left = replace(ADDITION, message="conv expects 24 channels, but gets (2, 16, 8, 8)")
    before = replace(BEFORE, findings=(ADDITION, left))
    resized = replace(left, message="conv expects 24 channels, but gets (2, 16, 4, 4)")
    moved = replace(left, message="conv expects 12 channels, but gets (2, 16, 8, 8)")
    assert others_are_kept(ADDITION, before, replace(FIXED, findings=(resized,)))
    assert not others_are_kept(ADDITION, before, replace(FIXED, findings=(moved,)))


def test_nothing_is_unchecked() -> None:
    checked = tuple(replace(status, status="checked") for status in BEFORE.classes)
    failed = tuple(replace(status, status="failed") for status in BEFORE.classes)
    assert nothing_is_unchecked(BEFORE, FIXED)
    assert nothing_is_unchecked(BEFORE, replace(FIXED, classes=checked))
    assert not nothing_is_unchecked(BEFORE, replace(FIXED, classes=failed))


def test_nothing_ends_earlier() -> None:
    assert nothing_ends_earlier(BEFORE, with_outcome(Outcome("Net()", None, complete=True)))
    assert not nothing_ends_earlier(BEFORE, with_outcome(Outcome("Net()", None, complete=False)))
    assert nothing_ends_earlier(BEFORE, with_outcome(Outcome("Other()", None, complete=False)))


def test_models_are_kept_that_do_all_that_they_did() -> None:
    net = BEFORE.outcomes[1]
    assert is_kept(BEFORE, with_outcome(net))
    assert is_kept(BEFORE, with_outcome(replace(net, additions=3, layers=6)))
    assert is_kept(BEFORE, with_outcome(Outcome("Other()", None)))  # there was no time for the others
    assert not is_kept(BEFORE, with_outcome(replace(net, shapes="[] -> [1]")))
    assert not is_kept(BEFORE, with_outcome(replace(net, additions=1)))
    assert not is_kept(BEFORE, with_outcome(replace(net, layers=4)))
    assert not is_kept(BEFORE, with_outcome(replace(net, weights="of other shapes")))


def test_a_model_with_a_fault_keeps_what_ran_of_it() -> None:
    block = BEFORE.outcomes[0]
    assert is_kept(BEFORE, with_outcome(replace(block, shapes="[] -> []", additions=1)))
    assert not is_kept(BEFORE, with_outcome(replace(block, shapes="[] -> []", layers=1)))


def test_a_block_of_guessed_arguments_may_get_the_size_of_its_input_by_a_parameter_that_was_not_read() -> None:
    net = Outcome("Net(64)", "[(2, 64, 16, 16)] -> [(2, 64, 14, 14)]", layers=2, guessed=True)
    padded = replace(net, shapes="[(2, 64, 16, 16)] -> [(2, 64, 16, 16)]")
    before, after = (replace(BEFORE, outcomes=(outcome,)) for outcome in (net, padded))
    assert is_kept(before, after, completes=True)
    assert not is_kept(before, after)
    assert not is_kept(after, before, completes=True)
    stated = (replace(BEFORE, outcomes=(replace(outcome, guessed=False),)) for outcome in (net, padded))
    assert not is_kept(*stated, completes=True)
