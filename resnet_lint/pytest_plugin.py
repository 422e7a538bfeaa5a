"""The pytest plugin under its former name, for environments installed before it moved to `integrations`."""

from .integrations.pytest import *  # noqa: F403
