"""The stages of a check in order: the table of contents.

    paths -> plan (discover, outline) -> worker -> select -> fix -> finish (join, merge, remark, baseline) -> Run

Files that cannot be parsed or define no nn.Module are not sent to the worker. What is between plan and finish may be
done by several jobs (`--shard`) or on many machines (`scan`).
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resnet_lint.shared.records.reports import Run

from ..options.settings import Settings
from ..terminal import Progress
from ..workers.analyser import Analyser
from .finish import Results, finished
from .one_file import all_checked
from .part import part_of
from .plan import Asked, Plan, planned


def check(
    paths: Sequence[Asked], settings: Settings, analyser: Analyser, *, cwd: Path, progress: Progress | None = None
) -> Run:
    """Check files, folders and classes. Errors in the user's code are part of the result; usage errors are raised."""
    began = time.perf_counter()
    plan = planned(paths, settings, cwd)
    checked = all_checked(plan.share, plan.checker(analyser), progress or Progress(io.StringIO()))
    results = list(zip(plan.share, checked, strict=True))
    run = finished(plan, results, analyser.interpreter, time.perf_counter() - began)
    return replace(run, part=_part(paths, plan, results, run))


def _part(paths: Sequence[Asked], plan: Plan, results: Results, run: Run) -> object:
    """For `merge`: what this job did, if it had only a part of the files; fixes that it wrote cannot be merged."""
    names = [path for path in paths if isinstance(path, str)]
    if plan.settings.shard is None or plan.settings.fix:
        return None
    return part_of(plan, names, results, run)
