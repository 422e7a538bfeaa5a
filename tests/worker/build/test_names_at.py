"""The names near an error, also where the interrupted instruction has no line."""

from __future__ import annotations

from types import GeneratorType, TracebackType
from typing import Any

from resnet_lint.worker.names_at import names_at


def interrupted() -> Any:
    with open(__file__) as file:
        yield file


def test_an_instruction_without_a_line() -> None:
    generator = interrupted()
    assert isinstance(generator, GeneratorType)
    next(generator)
    assert generator.gi_frame is not None
    code = interrupted.__code__
    bare = next(start for start, _, line in code.co_lines() if line is None)
    step = TracebackType(None, generator.gi_frame, bare, -1)
    assert step.tb_lineno is None
    assert "interrupted" in names_at(KeyboardInterrupt().with_traceback(step))
