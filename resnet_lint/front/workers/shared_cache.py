"""Results that machines share, in a folder, a bucket or on an HTTP server. Entries that we did not sign are ignored."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.user_environment import CACHE_KEY
from resnet_lint.shared.write_file import write_entry

_LEAST_KEY = 16
_SIGNATURE = hashlib.sha256().digest_size * 2


class Store(Protocol):
    """A place for bytes by name. `get` gives None if there are none; both may raise any exception."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, data: bytes) -> None: ...


class SharedCache:
    """JSON data by name in a store. Thread-safe. An entry counts only if it is signed with our key, for its name.

    A store that fails is not asked again; `problem` says why.
    """

    def __init__(self, store: Store, key: bytes) -> None:
        self.problem: str | None = None
        self._store = store
        self._key = key

    def get(self, name: str) -> Any:
        """The data with a name, None if there is none, or if it is damaged or not signed by us."""
        data = self._tried(lambda: self._store.get(name))
        if data is None:
            return None
        signature, body = data[:_SIGNATURE], data[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._signature(name, body)):
            return None
        return json.loads(body)

    def put(self, name: str, data: Any) -> None:
        """Store data. Writers of one name write the same, so the last one wins."""
        body = json.dumps(data).encode()
        self._tried(lambda: self._store.put(name, self._signature(name, body) + body))

    def _signature(self, name: str, body: bytes) -> bytes:
        return hmac.new(self._key, name.encode() + b"\n" + body, hashlib.sha256).hexdigest().encode()

    def _tried(self, call: Callable[[], bytes | None]) -> bytes | None:
        if self.problem is not None:
            return None
        try:
            return call()
        except Exception as error:  # of the network, of any service
            self.problem = " ".join(f"{type(error).__name__}: {error}".split())
            return None


def shared_cache(url: str) -> SharedCache:
    """The shared cache at a URL, or in a folder.

    Raises UsageError without a key in the environment, and if the packages for such URLs are not installed.
    """
    key = os.environ.get(CACHE_KEY, "").encode()
    if len(key) < _LEAST_KEY:
        raise UsageError(f"--cache-url: {CACHE_KEY} must be set to a secret of at least {_LEAST_KEY} characters")
    return SharedCache(_Url(url) if "://" in url else _Folder(Path(url)), key)


class _Folder:
    """Files in a folder, complete or not there: they are renamed when they are written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> bytes | None:
        try:
            return (self._folder / name[:2] / name).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, name: str, data: bytes) -> None:
        path = self._folder / name[:2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_entry(path, data, 0o644)


class _Url:
    """Whatever fsspec can read and write."""

    def __init__(self, url: str) -> None:
        try:
            import fsspec

            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            line = "" if isinstance(error, ImportError) else f": {error}"
            raise UsageError(
                f'--cache-url: {url} is not supported{line}; pip install "resnet-lint[scale]" for s3:// and http://'
            ) from error

    def get(self, name: str) -> bytes | None:
        try:
            data: bytes = self._files.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        return data

    def put(self, name: str, data: bytes) -> None:
        self._files.pipe_file(self._path(name), data)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name[:2]}/{name}"
