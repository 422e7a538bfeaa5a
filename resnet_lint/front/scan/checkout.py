"""Checks out repositories, each commit once on a machine, with git."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import platformdirs

from resnet_lint.shared.errors import UsageError

from .targets import Target

_SECONDS = 600.0
_ONLY = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"}


def commit_of(target: Target) -> str:
    """The commit that the ref of a URL is at. Raises UsageError."""
    ref = target.ref or "HEAD"
    lines = _git(target, "ls-remote", "--", target.location, ref, f"{ref}^{{}}").splitlines()
    if lines:
        return lines[-1].split()[0]  # the commit of an annotated tag comes after the tag
    return ref


def checkout(target: Target, commit: str) -> Path:
    """The folder with a commit of a URL; cloned on first use. Several processes may ask for it. Raises UsageError."""
    key = hashlib.sha256(f"{target.location}\n{commit}".encode()).hexdigest()[:24]
    folder = platformdirs.user_cache_path("resnet-lint-checkouts") / key
    if folder.is_dir():
        return folder
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = tempfile.mkdtemp(dir=folder.parent)
    try:
        _clone(target, commit, temporary)
        os.rename(temporary, folder)
    except OSError:
        if not folder.is_dir():  # else, another process was faster
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _clone(target: Target, commit: str, folder: str) -> None:
    _git(target, "init", "--quiet", folder)
    try:
        _git(target, "-C", folder, "fetch", "--quiet", "--depth", "1", "--", target.location, commit)
    except UsageError:  # servers may refuse a commit that is not the tip of a branch
        _git(target, "-C", folder, "fetch", "--quiet", "--", target.location, "+refs/*:refs/remotes/*")
    _git(target, "-C", folder, "-c", "advice.detachedHead=false", "checkout", "--quiet", commit)
    Path(folder, ".git", "FETCH_HEAD").unlink(missing_ok=True)  # it has the URL, perhaps with a password


def _git(target: Target, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            env=os.environ | _ONLY,
        )
    except FileNotFoundError as error:
        raise UsageError("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"cannot clone {target.name}: not done after {_SECONDS:.0f} s") from error
    if done.returncode:
        lines = done.stderr.replace(target.location, target.name).strip().splitlines() or ["git failed"]
        reason = next((line for line in lines if line.startswith("fatal: ")), lines[-1])
        raise UsageError(f"cannot clone {target.name}: {reason.removeprefix('fatal: ')}")
    return done.stdout
