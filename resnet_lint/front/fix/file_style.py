"""The style of a file: how it refers to torch, and its indentation."""

from __future__ import annotations

import libcst as cst
from libcst.helpers import get_full_name_for_node

from . import patterns as m
from .precedence import bracketed
from .source_tree import Source, TextEdit


class Style:
    """The style of a file, and the imports that an edit requires; create a new instance for every edit."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._imports = _Imports()
        source.module.visit(self._imports)
        self._missing: list[str] = []
        self.indent: str = source.module.default_indent

    def layer(self, name: str) -> str:
        """The name of a layer in the file: `nn.Conv2d`, or `Conv2d` if layers are imported by name."""
        return self._reached(f"torch.nn.{name}")

    @property
    def interpolate(self) -> str:
        """The name of `torch.nn.functional.interpolate` in the file."""
        return self._reached("torch.nn.functional.interpolate")

    def flattened(self, code: str, start: int = 1) -> str:
        """`torch.flatten(x, 1)`, or `x.flatten(1)` in a file that does not import torch itself."""
        if self._imports.names.keys() & {"torch", "torch.flatten"}:
            return f"{self._reached('torch.flatten')}({code}, {start})"
        return f"{bracketed(code)}.flatten({start})"

    @property
    def import_edits(self) -> list[TextEdit]:
        """The edit that imports the requested names that the file does not import."""
        if not self._missing or self._imports.last_from_nn is None:
            return []
        _, end = self._source.range_of(self._imports.last_from_nn)
        return [TextEdit(end, end, "".join(f", {name}" for name in sorted(self._missing)))]

    def _reached(self, full_name: str) -> str:
        """A dotted name relative to the closest import; if there is none, the full name, which has to be imported."""
        reached, rest = full_name, list[str]()
        while reached:
            if reached in self._imports.names:
                return ".".join(part for part in (self._imports.names[reached], *rest) if part)
            reached, _, last = reached.rpartition(".")
            rest.insert(0, last)
        by_name = full_name.removeprefix("torch.nn.")
        wanted = by_name.partition(".")[0]
        if wanted not in self._missing:
            self._missing.append(wanted)
        return by_name


class _Imports(cst.CSTVisitor):
    """The imports that functions see, not those of a main block: full names, and their names in the file."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, str] = {}
        self.last_from_nn: cst.ImportAlias | None = None

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        return False

    def visit_If(self, node: cst.If) -> bool:
        return not m.findall(node.test, m.Name("__name__"))

    def visit_Import(self, node: cst.Import) -> None:
        for alias in node.names:
            name = alias.evaluated_name
            bound = name if alias.asname is not None else name.partition(".")[0]  # `import torch.nn` binds `torch`
            self.names[bound] = alias.evaluated_alias or bound

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        module = get_full_name_for_node(node.module) if node.module is not None else None
        if module is None or node.relative:
            return
        if isinstance(node.names, cst.ImportStar):
            self.names[module] = ""
            return
        for name in node.names:
            self.names[f"{module}.{name.evaluated_name}"] = name.evaluated_alias or name.evaluated_name
        if module == "torch.nn":
            self.last_from_nn = node.names[-1]
