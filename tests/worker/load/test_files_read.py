"""Which files count as read by a check."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from resnet_lint.worker.load.files_read import Reads


def test_temporary_files_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary, data = tmp_path / "temporary", tmp_path / "data"
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    reads = Reads(str(tmp_path / "model.py"))
    for path in (temporary, temporary / "file", data, tmp_path / "temporary.json"):
        reads.note(str(path))
    assert list(reads.digests) == [str(data), str(tmp_path / "temporary.json")]
