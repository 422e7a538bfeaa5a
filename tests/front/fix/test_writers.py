"""Every kind of fix plan has its writer, and every writer its kind."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import get_args, get_type_hints

from resnet_lint.front.fix import writers
from resnet_lint.shared.records.fix_plans import FixPlan, Hint


def test_each_kind_but_the_hint_is_written_by_the_module_of_its_name() -> None:
    written = [
        get_type_hints(import_module(f"{writers.__name__}.{module.name}").write)["plan"]
        for module in pkgutil.iter_modules(writers.__path__)
    ]
    assert {kind.__name__ for kind in written} == {kind.__name__ for kind in get_args(FixPlan)} - {Hint.__name__}
    names = {kind.__name__.lower() for kind in written}
    assert {module.name.replace("_", "") for module in pkgutil.iter_modules(writers.__path__)} == names
