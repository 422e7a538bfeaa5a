"""The output formats of a command: there is a module for each in the folder `report/forms` of the command."""

from __future__ import annotations

from pathlib import Path


def formats_in(command: str, first: str, *, but: str) -> tuple[str, ...]:
    """The names of the formats, the default one `first`; `but` is selected with an option of its own."""
    modules = (Path(__file__).parents[1] / command / "report" / "forms").glob("[!_]*.py")
    return first, *sorted({module.stem for module in modules} - {first, but})
