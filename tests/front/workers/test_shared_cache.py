"""`--cache-url`: machines share results, and believe none that is damaged or not signed."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from resnet_lint.front.workers.answer_cache import Cache
from resnet_lint.front.workers.shared_cache import SharedCache, shared_cache
from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.reports import ClassStatus, FileReport
from resnet_lint.shared.records.requests import CheckRequest, Interpreter
from resnet_lint.shared.source_text import digest

KEY = "a secret of the team"
INTERPRETER = Interpreter(sys.executable, "3.12.1", "2.9.0")


class _Handler(http.server.SimpleHTTPRequestHandler):
    """A server of files that also takes them."""

    def do_PUT(self) -> None:
        path = Path(self.translate_path(self.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "web"
    folder.mkdir()

    def handler(*args: Any) -> _Handler:
        return _Handler(*args, directory=str(folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/cache"
        server.shutdown()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (("ENDPOINT_URL", f"http://{host}:{port}"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    boto3.client("s3").create_bucket(Bucket="team")
    yield "s3://team/cache"
    server.stop()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "shared")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNET_LINT_CACHE_KEY", KEY)


class Machine:
    """A machine with its own checkout and local cache; `made` are the files that it had to check."""

    def __init__(self, home: Path, shared: SharedCache) -> None:
        self.made: list[str] = []
        self.interpreter = INTERPRETER
        self.checkout = home / "checkout"
        self.checkout.mkdir(parents=True)
        self.model = self.checkout / "model.py"
        self.model.write_text("x = 1\n")
        self.cache = Cache(self, lambda: INTERPRETER, home / "cache", self.checkout, shared)

    def analyse(self, request: CheckRequest) -> FileReport:
        self.made.append(request.path)
        status = ClassStatus(request.path, "Net", 1, "checked", how=f"in {request.path}")
        return FileReport(request.path, classes=(status,), reads={request.path: digest(request.path)})

    def check(self) -> FileReport:
        return self.cache.analyse(CheckRequest(str(self.model)))


def machine(tmp_path: Path, name: str, url: str) -> Machine:
    return Machine(tmp_path / name, shared_cache(url))


@pytest.mark.parametrize("kind", ["folder", "web", pytest.param("bucket", marks=pytest.mark.slow)])
def test_machines_share_results(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(kind)
    first, second = machine(tmp_path, "first", url), machine(tmp_path, "elsewhere/second", url)
    assert first.check().path == str(first.model)
    report = second.check()
    assert (first.made, second.made) == ([str(first.model)], [])
    assert report.path == str(second.model)
    assert report.classes[0].how == f"in {second.model}"
    second.model.write_text("x = 2\n")
    second.check()
    assert second.made == [str(second.model)]


def entries(folder: str) -> list[Path]:
    return [path for path in Path(folder).rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", ["truncated", "poisoned", "empty", "foreign name", "foreign key"])
def test_an_entry_that_is_not_ours_is_not_believed(
    damage: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if damage == "foreign key":
        monkeypatch.setenv("RESNET_LINT_CACHE_KEY", "the secret of another team")
    first = machine(tmp_path, "first", folder)
    first.check()
    [entry] = entries(folder)
    assert b"first" not in entry.read_bytes()
    if damage == "truncated":
        entry.write_bytes(entry.read_bytes()[:-9])
    elif damage == "poisoned":
        entry.write_bytes(entry.read_bytes().replace(b'"checked"', b'"skipped"'))
    elif damage == "empty":
        entry.write_bytes(b"")
    elif damage == "foreign name":  # a signed entry, moved to where another is expected
        first.model.write_text("x = 2\n")
        first.check()
        [other] = [path for path in entries(folder) if path != entry]
        entry.write_bytes(other.read_bytes())
    monkeypatch.setenv("RESNET_LINT_CACHE_KEY", KEY)
    second = machine(tmp_path, "second", folder)
    assert second.check().classes[0].status == "checked"
    assert second.made == [str(second.model)]


def test_many_writers_leave_one_good_entry(folder: str, tmp_path: Path) -> None:
    machines = [machine(tmp_path, f"machine-{number}", folder) for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        reports = list(pool.map(Machine.check, machines))
    assert {report.classes[0].status for report in reports} == {"checked"}
    assert len(entries(folder)) == 1
    last = machine(tmp_path, "last", folder)
    last.check()
    assert last.made == []


def test_a_store_that_fails_is_not_asked_again_and_costs_no_result(tmp_path: Path) -> None:
    shared = shared_cache("http://127.0.0.1:9/cache")
    first = Machine(tmp_path / "first", shared)
    assert first.check().classes[0].status == "checked"
    assert shared.problem is not None
    assert "127.0.0.1:9" in shared.problem


def test_a_key_is_needed(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "short"):
        monkeypatch.setenv("RESNET_LINT_CACHE_KEY", value)
        with pytest.raises(UsageError, match="RESNET_LINT_CACHE_KEY must be set to a secret of at least 16 characters"):
            shared_cache(folder)


def test_unknown_urls_are_one_line() -> None:
    with pytest.raises(UsageError, match="--cache-url: gopher://x is not supported"):
        shared_cache("gopher://x")


READS_KEY = """
import os

import torch
from torch import nn

assert "RESNET_LINT_CACHE_KEY" not in os.environ
assert b"RESNET_LINT_CACHE_KEY" not in open("/proc/self/environ", "rb").read()


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x):
        return x + self.layer(x)
"""


def test_the_code_that_is_checked_does_not_see_the_key_and_the_command_says_what_failed(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(READS_KEY)
    command = [sys.executable, "-m", "resnet_lint", "model.py", "--cache-url", "http://127.0.0.1:9/"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "1 class checked" in done.stdout
    assert done.stderr.startswith("resnet-lint: --cache-url: http://127.0.0.1:9/ was not used: ")
    assert done.stderr.count("\n") == 1
