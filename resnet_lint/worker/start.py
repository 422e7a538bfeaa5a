"""The script that the chosen interpreter runs: prints its versions (`facts`), or starts the worker (`work`), the worker
that stays for several runs (`stay`), or the engine of the executor (`execute`).

It makes only this package importable, without adding its parent folder to sys.path: that may be the site-packages of
the tool's environment, which must not be visible to the user's code. The working directory is not added either, because
a random.py of the user would shadow the standard library.

Old versions of Python must be able to run this file, to be rejected with a message, so it uses simple syntax only.
"""

import sys

_FOLDER = sys.path[0] if not getattr(sys.flags, "safe_path", False) else ""
if _FOLDER:
    del sys.path[0]  # before other imports: this folder has a check.py, a tensors.py, ...

import gc  # noqa: E402
import importlib.util  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402


def facts() -> None:
    """Print the version, the location of torch (without importing it) and the search path as JSON.

    "folders" are those whose contents this depends on: the path, and the user's folder even if it does not exist.
    """
    torch = importlib.util.find_spec("torch")
    user = [folder for folder in [getattr(sys.modules.get("site"), "USER_SITE", None)] if folder]
    found = {"python": sys.version.split()[0], "torch": torch and torch.origin, "path": sys.path}
    print(json.dumps(dict(found, folders=sys.path + user)))


def work() -> None:
    """Run the worker until stdin ends."""
    gc.disable()  # until everything is imported: nothing of it is garbage, and searching it takes a tenth of the time
    _make_importable()
    from resnet_lint.worker.main import main

    main()


def stay() -> None:
    """Run the worker that forks for every run of resnet-lint, with a socket, its key and the seconds to stay unused."""
    gc.disable()
    _make_importable()
    from resnet_lint.shared.fork_server import detach, hold

    path, key, seconds = sys.argv[2:]
    lock = hold(path)
    if lock is not None:
        detach()
        from resnet_lint.worker.main import stay

        stay(path, lock, key, float(seconds))


def execute() -> None:
    """Run one task of the executor."""
    _make_importable()
    from resnet_lint.worker.executor.entry import main

    main()


def _make_importable() -> None:
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = importlib.util.spec_from_file_location(
        "resnet_lint", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["resnet_lint"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    {"facts": facts, "work": work, "stay": stay, "execute": execute}[sys.argv[1]]()
