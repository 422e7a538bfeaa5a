"""Loading a model file: only definitions are executed, and a failing assignment affects only its name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from textwrap import dedent

import pytest

from resnet_lint.worker.load.classes import model_classes
from resnet_lint.worker.load.load import ImportFailure, Loaded, load
from resnet_lint.worker.load.package import package_folder, project_root
from resnet_lint.worker.load.run_definitions import DefinitionRunner
from resnet_lint.worker.process.limits import TimeUp, time_limit

_numbers = count()


@pytest.fixture(autouse=True)
def restored_imports() -> Iterator[None]:
    """Loading a file leaves its module and its folder behind, as an import does."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if not name.startswith(("torch", "numpy")):
            del sys.modules[name]


Load = Callable[[str], Loaded | ImportFailure]


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[str], Loaded]:
    def load_source(source: str) -> Loaded:
        result = load(str(write(tmp_path, source)))
        assert isinstance(result, Loaded), result
        return result

    return load_source


def write(folder: Path, source: str, name: str | None = None) -> Path:
    path = folder / (name or f"loaded{next(_numbers)}.py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(source))
    return path


LoadSource = Callable[[str], Loaded]


def names(loaded: Loaded) -> set[str]:
    return {name for name in vars(loaded.module) if not name.startswith("__")}


def test_definitions_run(loaded: LoadSource) -> None:
    source = """
        import math
        from os import path
        WIDTH = 2
        WIDTH += 1
        depth: int = 4
        def f(): ...
        async def g(): ...
        class A: ...
        del math
    """
    module = loaded(source)
    assert names(module) == {"path", "WIDTH", "depth", "f", "g", "A"}
    assert module.module.WIDTH == 3


@pytest.mark.parametrize(
    "statement",
    [
        "ran()",
        "for _ in [1]: ran()",
        "while True: ran()",
        "if __name__ == '__main__': ran()",
        "if '__main__' == __name__: ran()",
        "assert ran()",
        "with context(): ran()",
        "try:\n    ran()\nexcept ValueError: ran()",
        "if True: ran()",
        "ran() or ran()",
        "[ran() for _ in range(3)]",
    ],
)
def test_everything_else_does_not(statement: str, loaded: LoadSource) -> None:
    source = "from contextlib import nullcontext as context\ncalls = []\ndef ran(): calls.append(1)\n"
    assert loaded(source + statement).module.calls == []


def test_definitions_inside_other_statements_run(loaded: LoadSource) -> None:
    source = """
        import sys
        if sys.version_info >= (3,):
            class New: ...
        else:
            class Old: ...
        try:
            import no_such_package
        except ImportError:
            no_such_package = None
        else:
            found = True
        finally:
            after = True
        with open(__file__) as file:
            class Within: ...
    """
    assert names(loaded(source)) >= {"New", "Within", "no_such_package", "after"}
    assert names(loaded(source)).isdisjoint({"Old", "found"})


def test_a_failed_assignment_costs_its_name_only(loaded: LoadSource) -> None:
    module = loaded("a = 1\nb = 1 / 0\nc: int = undefined\na += 'x'\nimport sys\nd = sys.exit(3)\ne = 5\n")
    assert names(module) == {"a", "sys", "e"}
    assert module.module.a == 1


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        ("x = 1\nimport torch.no_such_part\n", 2, "ModuleNotFoundError: No module named 'torch.no_such_part'"),
        ("from os import nothing\n", 1, "ImportError: cannot import name 'nothing'"),
        ("class A:\n    x = 1\n    1 / 0\n", 3, "ZeroDivisionError: division by zero"),
        ("def f():\n    raise ValueError\nclass A:\n    f()\n", 2, "ValueError"),
        ("@undefined\ndef f(): ...\n", 1, "NameError: name 'undefined' is not defined"),
        ("import sys\nclass A:\n    sys.exit(3)\n", 3, "it exits during the import (exit code 3)"),
        (
            "try:\n    from os import nothing\nexcept ImportError:\n    raise RuntimeError('no')\n",
            4,
            "RuntimeError: no",
        ),
    ],
)
def test_what_else_fails_is_a_failure_with_its_line(source: str, line: int, reason: str, tmp_path: Path) -> None:
    result = load(str(write(tmp_path, source)))
    assert isinstance(result, ImportFailure)
    assert result.span.start.line == line
    assert result.reason.startswith(reason)


def test_an_error_in_an_imported_file_is_told_at_the_import(tmp_path: Path) -> None:
    write(tmp_path, "1 / 0\n", "broken_helper.py")
    result = load(str(write(tmp_path, "\nimport broken_helper\n")))
    assert isinstance(result, ImportFailure)
    assert (result.span.start.line, result.reason) == (2, "ZeroDivisionError: division by zero")


def test_neighbours_can_be_imported(tmp_path: Path) -> None:
    write(tmp_path, "WIDTH = 7\n", "neighbour_helper.py")
    result = load(str(write(tmp_path, "from neighbour_helper import WIDTH\n")))
    assert isinstance(result, Loaded) and result.module.WIDTH == 7


def test_relative_imports_in_a_package(tmp_path: Path) -> None:
    write(tmp_path, "", "zoo/__init__.py")
    write(tmp_path, "", "zoo/nets/__init__.py")
    write(tmp_path, "WIDTH = 7\n", "zoo/common.py")
    result = load(str(write(tmp_path, "from ..common import WIDTH\n", "zoo/nets/net.py")))
    assert isinstance(result, Loaded)
    assert (result.module.__name__, result.module.WIDTH) == ("zoo.nets.net", 7)


def test_a_package_that_imports_the_file_itself(tmp_path: Path) -> None:
    write(tmp_path, "from .net import Net\n", "menagerie/__init__.py")
    result = load(str(write(tmp_path, "class Net: ...\n", "menagerie/net.py")))
    assert isinstance(result, Loaded)
    assert sys.modules["menagerie"].Net is result.module.Net


def test_a_broken_package_is_a_failure(tmp_path: Path) -> None:
    write(tmp_path, "1 / 0\n", "shambles/__init__.py")
    result = load(str(write(tmp_path, "class Net: ...\n", "shambles/net.py")))
    assert isinstance(result, ImportFailure)
    assert result.reason == "its package cannot be imported: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    "start",
    ["from .version import __version__\n", "import no_such_package as config\nWIDTH = config.base.width + 1\n"],
    ids=["lacks a file that the installation creates", "needs more of a package than a stand-in has"],
)
def test_a_file_is_loaded_without_a_package_that_lacks_something(start: str, tmp_path: Path) -> None:
    folder = f"orphanage{next(_numbers)}"
    write(tmp_path, f"{start}assert isinstance(vars().get('WIDTH', 'no'), int)\n", f"{folder}/__init__.py")
    write(tmp_path, "WIDTH = 7\n", f"{folder}/common.py")
    write(tmp_path, "", f"{folder}/nets/__init__.py")
    result = load(str(write(tmp_path, "from ..common import WIDTH\n", f"{folder}/nets/net.py")))
    assert isinstance(result, Loaded)
    assert result.module.WIDTH == 7
    assert result.alone is not None
    assert result.alone.startswith("its package cannot be imported: ")


@pytest.mark.parametrize("name", ["json.py", "torch.py", "my-net.py", "types.py", "2d.py"])
def test_a_name_that_is_taken_or_is_none(name: str, tmp_path: Path) -> None:
    result = load(str(write(tmp_path, "import json, torch\nX = json.dumps(1) + torch.__version__\n", name)))
    assert isinstance(result, Loaded), result
    assert result.module.X.startswith("1")


@pytest.mark.parametrize("name", ["nosuchpackage_net.py", "my_nosuchpackage.py"])
def test_a_file_named_after_a_package_that_is_missing(name: str, tmp_path: Path) -> None:
    result = load(str(write(tmp_path, "import nosuchpackage\n", name)))
    assert isinstance(result, Loaded), result


def test_dataclasses_and_postponed_annotations(loaded: LoadSource) -> None:
    source = """
        from __future__ import annotations
        from dataclasses import dataclass, field
        from typing import NamedTuple

        @dataclass
        class Config:
            width: Unknown | None = None
            depths: list[int] = field(default_factory=list)

        class Pair(NamedTuple):
            a: int
    """
    module = loaded(source).module
    assert module.Config().depths == []
    assert module.Config.__annotations__["width"] == "Unknown | None"


def test_annotations_are_not_postponed_where_the_file_does_not_ask(tmp_path: Path) -> None:
    result = load(str(write(tmp_path, "def f(x: Unknown): ...\n")))
    assert isinstance(result, ImportFailure) and result.reason == "NameError: name 'Unknown' is not defined"


def test_changes_of_the_search_path_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "WIDTH = 7\n", "elsewhere/far_helper.py")
    source = f"import sys\nsys.path.append({str(tmp_path / 'elsewhere')!r})\nfrom far_helper import WIDTH\n"
    result = load(str(write(tmp_path, source)))
    assert isinstance(result, Loaded) and result.module.WIDTH == 7


def test_models_at_module_level_cost_no_memory(loaded: LoadSource) -> None:
    module = loaded("from torch import nn\nbig = nn.Linear(1_000_000, 1_000_000)\n").module
    assert module.big.weight.is_meta


def test_values_at_module_level_can_be_read(loaded: LoadSource) -> None:
    module = loaded("import torch\nrates = torch.linspace(0, 1, 3)\nrate = torch.linspace(0, 1, 3)[1].item()\n").module
    assert module.rate == 0.5


def test_an_endless_definition_ends_with_the_time(tmp_path: Path) -> None:
    path = write(tmp_path, "class A:\n    while True: pass\n")
    with time_limit(0.2):
        failure = load(str(path))
    assert isinstance(failure, ImportFailure)
    assert (failure.span.start.line, failure.reason) == (2, "it is not done after 0 s; a longer --timeout may help")


def test_the_project_is_the_repository_or_the_package_or_the_folder(tmp_path: Path) -> None:
    file = write(tmp_path, "", "repo/src/pack/sub/net.py")
    assert package_folder(file) is None
    assert package_folder(file, 1) == tmp_path / "repo/src/pack/sub"
    assert package_folder(file, 2) == tmp_path / "repo/src/pack"
    assert project_root(file, None) == file.parent
    write(tmp_path, "", "repo/src/pack/__init__.py")
    write(tmp_path, "", "repo/src/pack/sub/__init__.py")
    assert package_folder(file) == tmp_path / "repo/src/pack"
    assert project_root(file, package_folder(file)) == tmp_path / "repo/src/pack"
    write(tmp_path, "", "repo/pyproject.toml")
    assert project_root(file, package_folder(file)) == tmp_path / "repo"


def test_relative_imports_need_no_init_file(tmp_path: Path) -> None:
    write(tmp_path, "WIDTH = 7\n", "pack/parts.py")
    source = "from ..parts import WIDTH\nfrom .more import DEPTH\n"
    write(tmp_path, "DEPTH = 3\n", "pack/nets/more.py")
    result = load(str(write(tmp_path, source, "pack/nets/relative.py")))
    assert isinstance(result, Loaded)
    assert (result.module.WIDTH, result.module.DEPTH) == (7, 3)


def test_the_classes_of_a_file(loaded: LoadSource) -> None:
    source = """
        from abc import ABC, abstractmethod
        from torch import nn
        from torch.nn import Linear
        class Plain: ...
        class Net(nn.Module):
            class Part(nn.Module):
                def forward(self, x): return x
            def forward(self, x): return x
        class Holder(nn.Module): ...
        class Base(nn.Module):
            def forward(self, x): raise NotImplementedError
        class Abstract(nn.Module, ABC):
            @abstractmethod
            def width(self): ...
            def forward(self, x): return x
        Alias = Net
        if True:
            class Late(Net): ...
    """
    found = model_classes(loaded(source))
    assert {model.name: (model.skipped or "").split(":")[0] for model in found} == {
        "Net": "",
        "Net.Part": "",
        "Holder": "no forward() method",
        "Base": "forward() raises NotImplementedError",
        "Abstract": "abstract class",
        "Late": "",
    }
    assert found[0].line == 6


LATER = "\nfrom torch import nn\nclass Net(nn.Linear):\n    pass\n"


@pytest.mark.parametrize(
    "source",
    [
        "import argparse\nparser = argparse.ArgumentParser()\nfor name in ('--seed', '--size'):\n"
        "    parser.add_argument(name)\nopt = parser.parse_args()\nif opt.seed is None:\n    opt.seed = 1\n",
        "opt = undefined\nif opt.cuda:\n    class A(opt.base): ...\n",
        "for size in (1, 2):\n    table = {size: 1}\nclass A:\n    width = table[2]\n",
        "import os\nrank = os.environ['NO_SUCH_VARIABLE']\nif os.environ['NO_SUCH_VARIABLE']:\n    pass\n",
        "with open('no_such_file.yaml') as file:\n    config = file.read()\n@config\ndef f(): ...\n",
        "import sys\nif len(sys.argv) < 2:\n    sys.exit(1)\n",
        "from torch import nn\nnet = nn.Linear(3, 3)\nimport torch\nwidth = net(torch.ones(1, 3)).shape[1]\n"
        "class A:\n    size = width\n",
        "layers = []\nlayers.append(4)\nclass A:\n    last = layers[0]\n",
    ],
)
def test_what_depends_on_a_statement_that_failed_is_left_out_alone(source: str, loaded: LoadSource) -> None:
    assert "Net" in names(loaded(source + LATER))


def test_required_arguments_get_a_value_of_their_type(loaded: LoadSource) -> None:
    source = """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("data")
        parser.add_argument("--width", type=int, required=True)
        parser.add_argument("--rate", type=float, default=0.1)
        parser.add_argument("--arch", choices=["small", "large"], required=True)
        parser.add_argument("--sizes", type=int, nargs=2, required=True)
        options, rest = parser.parse_known_args()
    """
    options = vars(loaded(source).module.options)
    assert options == {"data": "data", "width": 32, "rate": 0.1, "arch": "small", "sizes": [32, 32]}


def test_a_file_whose_time_is_up_between_two_definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(self: DefinitionRunner, body: object) -> None:
        raise TimeUp("not done after 3 s")

    monkeypatch.setattr(DefinitionRunner, "run", run)
    file = tmp_path / "model.py"
    file.write_text("x = 1\n")
    failure = load(str(file))
    assert isinstance(failure, ImportFailure)
    assert (failure.span.start.line, failure.reason) == (1, "it is not done after 3 s; a longer --timeout may help")
