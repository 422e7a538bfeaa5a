"""The first file that the chosen interpreter runs: it says what it is (`facts`), or becomes the worker (`work`)
or the executor's engine (`execute`).

It is run as a script, by its path, and puts the package within reach by its own folder alone: the one above that may be
the site-packages of the tool's environment, and nothing else in there may meet the user's code. Nor may the working
folder, where a random.py of the user's would stand in for Python's own.

Old Pythons must be able to run this file, so that they can be refused by their version: it keeps to plain syntax.
"""

import sys

_FOLDER = sys.path[0] if not getattr(sys.flags, "safe_path", False) else ""
if _FOLDER:
    del sys.path[0]  # before anything else is imported: this folder has a check.py, a tensors.py and so on

import importlib.util  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402


def facts() -> None:
    """Print what this interpreter is, as JSON: its version, where its torch lies (not imported), its search path."""
    torch = importlib.util.find_spec("torch")
    print(json.dumps({"python": sys.version.split()[0], "torch": torch and torch.origin, "path": sys.path}))


def work() -> None:
    """Serve the front until standard input ends."""
    _reach_package()
    from resnet_lint.worker.main import main

    main()


def execute() -> None:
    """Carry out one order of the executor."""
    _reach_package()
    from resnet_lint.worker.executor.entry import main

    main()


def _reach_package() -> None:
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = importlib.util.spec_from_file_location(
        "resnet_lint", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["resnet_lint"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    {"facts": facts, "work": work, "execute": execute}[sys.argv[1]]()
