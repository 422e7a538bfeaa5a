"""A loader of modules that are already loaded, for stubs that load the real ones."""

from __future__ import annotations

import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType


class AlreadyLoaded(Loader):
    """Imports a module that the import of another one has loaded."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing, as the module was executed."""
