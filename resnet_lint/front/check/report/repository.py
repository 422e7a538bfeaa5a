"""Files as the services of a repository name them: relative to its root, wherever in it the check was run."""

from __future__ import annotations

from pathlib import Path


def repository(cwd: Path) -> Path:
    """The root of the git repository that holds a folder; the folder itself where there is none."""
    return next((folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists()), cwd)
