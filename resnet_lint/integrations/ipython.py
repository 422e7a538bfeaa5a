"""The IPython extension: `%load_ext resnet_lint` adds the magics `%resnet_lint` and `%%resnet_lint`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from IPython.display import display
from torch import nn

from ..live import Report, check
from ..shared.errors import UsageError

_NAME = "resnet_lint"


def load(shell: InteractiveShell) -> None:
    """Add the magics to a shell."""

    def resnet_lint(line: str, cell: str | None = None) -> Report | None:
        if cell is None:
            return _check_arguments(shell, line)
        _check_cell(shell, line, cell)
        return None

    resnet_lint.__doc__ = _HELP
    shell.register_magic_function(resnet_lint, "line_cell", _NAME)


_HELP = """Check models for wrong skip connections.

    %resnet_lint model            check a model, a class, or a function that returns a model
    %resnet_lint model, images    check it with these arguments of forward()
    %%resnet_lint                 run the cell, and then check the models and classes that it defined
"""


def _check_arguments(shell: InteractiveShell, line: str) -> Report:
    """Check with the arguments of a call, evaluated in the namespace of the user."""
    if not line.strip():
        raise IPythonUsageError("%resnet_lint takes the arguments of resnet_lint.check, such as: %resnet_lint model")
    args, kwargs = eval(f"(lambda *args, **kwargs: (args, kwargs))({line}\n)", shell.user_ns)
    try:
        return check(*args, **kwargs)
    except UsageError as error:
        raise IPythonUsageError(str(error)) from error


def _check_cell(shell: InteractiveShell, line: str, cell: str) -> None:
    """Run a cell, and check what it defined, even if it raised."""
    if line.strip():
        raise IPythonUsageError("%%resnet_lint takes no arguments; to pass inputs, use: %resnet_lint model, images")
    before = dict(shell.user_ns)
    result = _run(shell, cell)
    _show_reports(_defined(before, shell.user_ns))
    error = result.error_before_exec or result.error_in_exec
    if error is not None:  # already shown, but the remaining cells must not run
        raise IPythonUsageError(f"the cell raised {type(error).__name__}")


def _run(shell: InteractiveShell, cell: str) -> ExecutionResult:
    """Run the rest of a cell. The shell counts it as the next cell, so its code is registered under the number."""
    source = _with_line_of_magic(cell)
    result = shell.run_cell(source)
    if shell.history_manager is not None and result.info is not None:
        number = len(shell.history_manager.input_hist_raw) - 1
        shell.compile.cache(result.info.transformed_cell, number, raw_code=source)
    return result


def _with_line_of_magic(cell: str) -> str:
    """The cell with a comment in place of `%%resnet_lint`, so that line numbers match those on screen."""
    return cell if cell.startswith("%%") else f"# %%resnet_lint\n{cell}"


def _show_reports(defined: dict[str, Any]) -> None:
    """Show the report of every model, and of every class that none of the models has called."""
    checked: set[str] = set()
    subjects = [*_models(defined), *_classes(defined)]
    for name, subject in subjects:
        if isinstance(subject, type) and subject.__qualname__ in checked:
            continue
        try:
            report = check(subject)
        except UsageError as error:
            print(f"{name}: not checked: {error}")
            continue
        checked |= {status.name for status in report.run.classes if status.status == "checked"}
        display(report)
    if not subjects:
        print("this cell defines no models")


def _defined(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The names that a cell has bound, without those of IPython."""
    return {
        name: value
        for name, value in after.items()
        if not name.startswith("_") and (name not in before or before[name] is not value)
    }


def _models(defined: dict[str, Any]) -> Iterator[tuple[str, nn.Module]]:
    """The models, once, without those that are parts of others."""
    models = {model: name for name, model in reversed(defined.items()) if isinstance(model, nn.Module)}
    parts = {part for model in models for part in model.modules() if part is not model}
    for model, name in reversed(models.items()):
        if model not in parts:
            yield name, model


def _classes(defined: dict[str, Any]) -> Iterator[tuple[str, type]]:
    """The classes of models that the cell defined rather than imported, the last first: it may use the others."""
    for name, value in reversed(defined.items()):
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == "__main__":
            yield name, value
