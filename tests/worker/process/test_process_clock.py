"""The clock that limits the time of a file."""

import time

import pytest

from resnet_lint.worker.process import process_clock
from resnet_lint.worker.process.process_clock import ProcessClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The wall clock and the seconds waited for a processor, to be set by hand."""
    now = {"wall": 100.0, "waited": 7.0}
    monkeypatch.setattr(process_clock, "_now", lambda: now["wall"])
    monkeypatch.setattr(process_clock, "_waited", lambda pid: now["waited"])
    return now


def test_waiting_for_a_processor_does_not_count(clock: dict[str, float]) -> None:
    own = ProcessClock()
    clock.update(wall=110.0, waited=9.0)
    assert own.seconds == 8.0


def test_sleep_counts(clock: dict[str, float]) -> None:
    own = ProcessClock()
    clock.update(wall=110.0)
    assert own.seconds == 10.0


def test_a_limit_comes_late_and_not_never(clock: dict[str, float]) -> None:
    own = ProcessClock()
    clock.update(wall=110.0, waited=17.0)
    assert own.seconds == 7.5


def test_a_process_that_is_gone_has_wall_time() -> None:
    own = ProcessClock(2**22 + 1)  # beyond the largest number that Linux gives
    before = time.monotonic()
    while time.monotonic() == before:
        pass
    assert own.seconds > 0
