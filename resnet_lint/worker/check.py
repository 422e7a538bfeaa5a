"""Checks one file in the worker: load, explore, explain, apply the rules. The table of contents of the worker."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import suppress

from ..apply_rules import check, merged
from ..graph.analysis import Analysis
from ..graph.model import Model
from ..graph.source_places import Project
from ..rule_loader import load_rules
from ..shared.evidence import Problem, SizeLimit
from ..shared.records.findings import Finding
from ..shared.records.places import Position, Span
from ..shared.records.reports import ClassStatus, FileReport
from ..shared.records.requests import CheckRequest
from .axes.inner_models import completed_parts
from .contracts.proofs import proofs
from .explore.advice import advice
from .explore.class_coverage import NotChecked
from .explore.explore import Exploration, Explorer
from .explore.only import Only, only
from .failures import failures
from .load.classes import ModelClass, misspelled_forward, model_classes
from .load.current_source import forget_files
from .load.load import ImportFailure, Loaded, load
from .outcomes import outcome, retraced
from .probes import TimedProbes
from .process.file_clock import Clock
from .process.guard import Guard
from .process.limits import TimeUp, time_limit
from .sizes.size_limits import size_limits
from .torch_quirks.absent_environment import environment_made_up
from .torch_quirks.meta_kernels import remembered_kernels


def analyse(request: CheckRequest, guard: Guard) -> FileReport:
    """Check a file: the findings, and the status of its classes. `guard` is already installed."""
    clock = Clock(request.seconds)  # includes loading
    forget_files()
    rules = load_rules(request.rule_folders)
    with time_limit(request.seconds):
        loaded = load(request.path, request.source)
    if isinstance(loaded, ImportFailure):
        return FileReport(request.path, check(Analysis(request.path, _why_not_loaded(loaded, guard)), rules))
    classes: Sequence[ModelClass] = model_classes(loaded)
    with remembered_kernels(), environment_made_up():
        exploration = Explorer(loaded, classes, request, clock).explore()
        part = None
        if request.only_class is not None:
            part = only(request.only_class, exploration, classes, loaded)
            exploration, classes = part.found, part.classes
        analysis = _analysis(loaded, classes, exploration, part, clock)
        found = _met(check(analysis, rules), part)
    refused = Analysis(loaded.path, tuple(_refused(guard, loaded.path, loaded.project, exploration.callers)))
    findings = merged([*check(refused, rules), *found])
    outcomes = (
        *(outcome(traced.label, traced.trace, traced.invented is not None) for traced in exploration.traced),
        *retraced(exploration.traced, request.retrace),
        *proofs(request.prove, classes, loaded, exploration, clock),
    )
    elsewhere = exploration.coverage.elsewhere
    return FileReport(request.path, findings, analysis.classes, tuple(exploration.notes), outcomes, elsewhere)


def _met(findings: Sequence[Finding], part: Only | None) -> Iterator[Finding]:
    """The findings in the requested class or function, and those about the file; all if none was requested."""
    for finding in findings:
        if part is None or finding.module is None or finding.module in part.modules:
            yield finding


def _why_not_loaded(failure: ImportFailure, guard: Guard) -> tuple[Problem, ...]:
    """The import failure, and the operations that were blocked on other lines."""
    refused = {problem.span.start.line: problem for problem in _refused(guard, failure.span.path, None)}
    reason = refused.pop(failure.span.start.line, None)
    help = reason.help if reason is not None else None
    return (Problem("import", failure.span, failure.reason, help=help), *refused.values())


def _refused(guard: Guard, path: str, project: Project | None, callers: frozenset[str] = frozenset()) -> list[Problem]:
    """What was refused to the file; what was refused to the callers of its classes is for their own check."""
    own = [refusal for refusal in guard.refusals if not any(call.code.co_filename in callers for call in refusal.calls)]
    return [refusal.problem(path, project) for refusal in own]


def _analysis(
    loaded: Loaded, classes: Sequence[ModelClass], found: Exploration, part: Only | None, clock: Clock
) -> Analysis:
    statuses = tuple(_status(loaded, model, found) for model in classes)
    problems = (
        *_absent(loaded, found),
        *_lost(loaded),
        *_misspelled(loaded, classes),
        *found.certain,
        *_problems(loaded, classes, found),
    )
    if found.ended is not None and not (found.traced or classes or found.certain):
        problems = (*problems, found.ended)
    if part is not None and part.is_empty_function:
        problems = (*problems, _function_not_built(part, loaded))
    failing = tuple(failures(loaded, found, clock))
    probes = TimedProbes(clock)
    traced_models = [Model(traced.trace, traced.label, probes, traced.sizes_stated) for traced in found.traced]
    complete = [model for model in traced_models if model.trace.complete]
    stopped = [model for model in traced_models if model.trace.stop is not None]
    models = (*complete, *(part for model in stopped for part in completed_parts(model)))
    limits = tuple(
        limit for limit in _size_limits(found, loaded, clock) if part is None or limit.failure.module in part.modules
    )
    return Analysis(loaded.path, problems, failing, statuses, limits, models, tuple(found.losses))


def _function_not_built(part: Only, loaded: Loaded) -> Problem:
    """The problem that the requested function returned no model, with the reason."""
    failure = part.found.coverage.failures.get(part.name, NotChecked("build", "it returns no model"))
    start = next(
        Position(statement.lineno, 1)
        for statement in loaded.tree.body
        if isinstance(statement, ast.FunctionDef) and statement.name == part.name
    )
    help = f"specify the call: --call '{failure.call}'" if failure.call is not None else None
    return Problem("build", Span(loaded.path, start, start), failure.reason, part.name, help)


def _absent(loaded: Loaded, found: Exploration) -> Iterator[Problem]:
    """Packages that are not installed, and the package of the file if it cannot be imported.

    Packages that no unchecked class needs are one problem.
    """
    reasons = [failure.reason for name, failure in found.coverage.failures.items() if name not in found.coverage.how]
    reasons += [lost.reason for lost in loaded.definitions.lost_classes]
    needed = [missing for missing in loaded.missing if any(missing.package in reason for reason in reasons)]
    for missing in needed:
        yield Problem(
            "missing",
            missing.span,
            f"{missing.package} isn't installed in this Python environment; classes that need it are skipped",
        )
    others = [missing for missing in loaded.missing if missing not in needed]
    if others:
        names = ", ".join(missing.package for missing in others)
        are_not = "isn't" if len(others) == 1 else "aren't"
        it = "it" if len(others) == 1 else "them"
        reason = f"{names} {are_not} installed in this Python environment; no class needs {it}"
        yield Problem("unneeded", others[0].span, reason)
    if loaded.alone is not None:
        start = Position(1, 1)
        reason = f"{loaded.alone}; the file is imported on its own"
        yield Problem("missing", Span(loaded.path, start, start), reason)


def _lost(loaded: Loaded) -> Iterator[Problem]:
    """The classes whose definitions could not be executed, possibly because of a limitation of the tool."""
    for lost in loaded.definitions.lost_classes:
        span = Span(loaded.path, Position(lost.line, 1), Position(lost.line, 1))
        yield Problem("not run", span, f"{lost.name} is not checked because its definition fails here: {lost.reason}")


def _misspelled(loaded: Loaded, classes: Sequence[ModelClass]) -> Iterator[Problem]:
    """Classes without a forward() method that have one with a similar name."""
    for model in classes:
        other = misspelled_forward(model, classes)
        if other is not None:
            start = Position(other.__code__.co_firstlineno, 1)
            reason = f"{model.name} has no forward() method; did you mean forward instead of {other.__name__}?"
            yield Problem("misspelled", Span(loaded.path, start, start), reason, model.name, "rename it to forward")


def _size_limits(found: Exploration, loaded: Loaded, clock: Clock) -> Sequence[SizeLimit]:
    """The joins that work for some sizes only, in models whose arguments are from the file or reliably guessed."""
    reported = {fault.point.span for traced in found.traced for fault in traced.trace.all_faults}
    limits: list[SizeLimit] = []
    with suppress(TimeUp), clock.left():
        for traced in found.traced:
            if not traced.trace.is_real and (traced.invented is None or traced.invented.sure):
                model = Model(traced.trace, traced.label)
                limits.extend(size_limits(model, traced.sizes_stated, reported))
    return limits


def _status(loaded: Loaded, model: ModelClass, found: Exploration) -> ClassStatus:
    how = found.coverage.how.get(model.name)
    if how is not None:
        fed = found.coverage.fed.get(model.name)
        inputs, origin = (fed.inputs, fed.origin) if fed is not None else (None, None)
        return ClassStatus(loaded.path, model.name, model.line, "checked", how, fed=inputs, fed_from=origin)
    if model.skipped is not None and model.name not in found.coverage.contradicted:
        return ClassStatus(loaded.path, model.name, model.line, "skipped", None, model.skipped)
    failure = found.coverage.failures.get(model.name, _NOT_REACHED)
    return ClassStatus(loaded.path, model.name, model.line, "failed", None, failure.reason)


_NOT_REACHED = NotChecked("build", "nothing in the file constructs or calls it")


def _is_reason(problem: Problem, failure: NotChecked) -> bool:
    """Whether a class is not checked because of an error that is reported itself."""
    return problem.kind in ("call", "error") and failure.reason.endswith(f": {problem.reason}")


def _problems(loaded: Loaded, classes: Sequence[ModelClass], found: Exploration) -> Iterator[Problem]:
    for model in classes:
        target = found.coverage.contradicted.get(model.name)
        if any(problem.module == model.name for problem in found.certain):
            continue
        if model.name in found.coverage.how or (model.skipped is not None and target is None):
            continue
        failure = found.coverage.failures.get(model.name, _NOT_REACHED)
        if target is None and any(_is_reason(problem, failure) for problem in found.certain):
            continue
        line = model.line if target is None or target.line is None else target.line
        span = Span(loaded.path, Position(line, 1), Position(line, 1))
        if target is None:
            yield Problem(failure.stage, span, failure.reason, model.name, advice(model, failure, loaded))
        else:
            reason = f"{failure.reason} ({target.origin} specifies this)"
            yield Problem(failure.stage, span, reason, model.name, f"correct {target.origin}")
