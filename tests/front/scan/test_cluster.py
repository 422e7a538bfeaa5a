"""A Dask cluster with real workers: the version of a worker is asked before it gets any work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Lint
from distributed import LocalCluster

from resnet_lint import __version__
from resnet_lint.front.scan.dask_engine import local_engine

WORKER = ["-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]


@contextmanager
def cluster(folder: Path, search_path: Path) -> Iterator[str]:
    """The address of a scheduler with one worker, which finds packages in a folder first."""
    environment = os.environ | {"PYTHONPATH": str(search_path)}
    with LocalCluster(n_workers=0, protocol="tcp", dashboard_address=None) as scheduler:  # type: ignore[no-untyped-call]
        address = scheduler.scheduler_address
        command = [sys.executable, *WORKER, "--local-directory", str(folder), address]
        worker = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, cwd=folder)
        try:
            scheduler.wait_for_workers(1, timeout=60)
            yield address
        finally:
            worker.terminate()
            worker.wait()


@pytest.mark.slow
def test_a_worker_of_another_version_is_refused_in_a_line_that_names_both(lint: Lint, tmp_path: Path) -> None:
    metadata = tmp_path / "other" / "resnet_lint-9.9.9.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: resnet-lint\nVersion: 9.9.9\n")
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "net.py").write_text("from torch import nn\nclass Net(nn.Module): ...\n")
    with cluster(tmp_path, metadata.parents[1]) as address:
        result = lint("scan", tmp_path / "repository", "--scheduler", address, "--results", tmp_path / "results")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert " has resnet-lint 9.9.9, and this client has resnet-lint " + __version__ in result.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_worker_that_dask_has_given_up_is_replaced() -> None:
    with local_engine(1) as (engine, _):
        local = engine.executor._client.cluster  # type: ignore[attr-defined]
        for worker in list(local.workers.values()):
            local.sync(worker.close)
        assert engine.executor.submit(len, "ab").result(timeout=60) == 2
