"""Times simulated scans with several numbers of workers: tasks that sleep, with results of the usual size.

    python benchmarks/scan_workers.py 1 2 8 64

At most eight processes have the workers as threads, which have started before the time counts. Prints the seconds that
the scan took, and would take without a scheduler, and the processor time of the client and the scheduler per task.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from distributed import LocalCluster

from resnet_lint import __version__
from resnet_lint.front.scan.dask_engine import cluster_engine
from resnet_lint.front.scan.dispatch import dispatched
from resnet_lint.front.scan.group import Checkout, Group

_MOST_PROCESSES = 8
_SECONDS = 0.5
_TASKS_PER_WORKER = 10
_BYTES_PER_RESULT = 13_000


def main() -> None:
    for workers in map(int, sys.argv[1:]):
        _measure(workers)


def _measure(workers: int) -> None:
    groups = [_group(number) for number in range(workers * _TASKS_PER_WORKER)]
    processes = min(workers, _MOST_PROCESSES)
    with (
        LocalCluster(n_workers=processes, threads_per_worker=workers // processes, dashboard_address=None) as cluster,
        cluster_engine(cluster.scheduler_address) as (engine, _),
    ):
        list(dispatched(groups[:workers], engine.executor, engine.is_alive, sleep))  # all workers have imported us
        began, used = time.perf_counter(), time.process_time()
        done = list(dispatched(groups, engine.executor, engine.is_alive, sleep))
        seconds, used = time.perf_counter() - began, time.process_time() - used
    assert len(done) == len(groups)
    print(
        f"{workers} workers: {len(groups)} tasks in {seconds:.1f} s instead of {_SECONDS * _TASKS_PER_WORKER:.1f} s; "
        f"{1000 * used / len(groups):.1f} ms of processor time per task",
        flush=True,
    )


def _group(number: int) -> Group:
    return Group(
        __version__, "simulated", Checkout("/simulated", None), "/simulated", "", "/", False, (f"{number}.py",)
    )


def sleep(group: Mapping[str, Any]) -> str:
    """The task: it takes as long as a small file, and returns as much."""
    time.sleep(_SECONDS)
    return "x" * _BYTES_PER_RESULT


if __name__ == "__main__":
    main()
