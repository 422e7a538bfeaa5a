"""The API for rules: a base class, and the types and functions for reading traced models.

Rules import only this module.
"""

from __future__ import annotations

import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from .graph.additions import Addition, behind_plain_calls, operands_of
from .graph.analysis import Analysis
from .graph.attention_axes import attention_over_batch, wrong_softmaxes
from .graph.axes import Altered, Axes, InputAxis
from .graph.blamed_permutation import blamed_permutation, mixed_views
from .graph.built_at import Built, built_of
from .graph.causes import cause_of_change
from .graph.coincidences import Coincidence, coincidences_in, rearranged, words_for
from .graph.drop_paths import drop_paths_not_added
from .graph.dropped_axes import DroppedAxis, dropped_axes
from .graph.effects import Effect
from .graph.exchanged_sides import ExchangedSides, exchanged_sides
from .graph.exchanged_sizes import exchanges_sizes
from .graph.feature_axes import moved_features
from .graph.fix_plans import batch_kept, out_of_place
from .graph.gradients import trains, turns_gradients_off
from .graph.in_place import Change, LateRead
from .graph.lost_shortcuts import SHORTCUT_WORDS, bare_wrappers, saved_unread
from .graph.memory_order import Reordered, permuted_first, reordered, wrong_permutation
from .graph.misplaced_axes import Misplaced, misplaced_axes
from .graph.model import Model, OtherBatch, TrainingStep, name_of, with_new_classes
from .graph.module_call import ModuleCall as Call
from .graph.module_call import is_a, is_module, module_classes
from .graph.node import Node
from .graph.patch_order import MixedOrder, OtherLayout, mixed_orders, other_layouts
from .graph.permutations import keeps_order
from .graph.residuals import Residual, depends_on, fork_of, layers_in_a_row, path_between, residual_at
from .graph.samples import Crossing, Samples
from .graph.sibling_additions import forgotten_additions
from .graph.single_values import SingleValue, single_values
from .graph.source_places import Point, span_of
from .graph.sublayers import JOINING_OPERATORS, last_of, sublayers_not_added
from .graph.syntax import (
    Function,
    function_of,
    may_join,
    methods_of,
    names_bound_by,
    names_read_by,
    never_read,
    node_at,
    overwritten_by,
    statement_at,
)
from .graph.table_rows import one_rows, rows_per_sample
from .graph.turned_output import turned_output
from .graph.turned_sides import TurnedSides, turned_sides
from .graph.unused import Unused, unused_in
from .graph.where import Where
from .shared import vocabulary
from .shared.evidence import Failure, LossCall, Problem, SizeLimit, SizesTaken
from .shared.records import fix_plans
from .shared.records.findings import Finding, Fix, Severity, Traits
from .shared.records.fix_plans import FixPlan
from .shared.records.places import Cause, Operand, Position, Shape, Span
from .shared.vocabulary import words_in

__all__ = [
    "JOINING_OPERATORS",
    "SHORTCUT_WORDS",
    "Addition",
    "Altered",
    "Analysis",
    "Axes",
    "Built",
    "Call",
    "Case",
    "Cause",
    "Change",
    "Coincidence",
    "Crossing",
    "DroppedAxis",
    "Effect",
    "ExchangedSides",
    "Failure",
    "Finding",
    "Fix",
    "FixPlan",
    "Function",
    "InputAxis",
    "LateRead",
    "LossCall",
    "Misplaced",
    "MixedOrder",
    "Model",
    "Node",
    "Operand",
    "OtherBatch",
    "OtherLayout",
    "Point",
    "Position",
    "Problem",
    "Reordered",
    "Residual",
    "Rule",
    "Samples",
    "Severity",
    "Shape",
    "SingleValue",
    "SizeLimit",
    "SizesTaken",
    "Span",
    "TrainingStep",
    "Traits",
    "TurnedSides",
    "Unused",
    "Where",
    "attention_over_batch",
    "bare_wrappers",
    "batch_kept",
    "behind_plain_calls",
    "blamed_permutation",
    "built_of",
    "cause_of_change",
    "coincidences_in",
    "depends_on",
    "drop_paths_not_added",
    "dropped_axes",
    "exchanged_sides",
    "exchanges_sizes",
    "fix_plans",
    "forgotten_additions",
    "fork_of",
    "function_of",
    "is_a",
    "is_module",
    "keeps_order",
    "last_of",
    "layers_in_a_row",
    "may_join",
    "methods_of",
    "misplaced_axes",
    "mixed_orders",
    "mixed_views",
    "module_classes",
    "moved_features",
    "name_of",
    "names_bound_by",
    "names_read_by",
    "never_read",
    "node_at",
    "one_rows",
    "operands_of",
    "other_layouts",
    "out_of_place",
    "overwritten_by",
    "path_between",
    "permuted_first",
    "rearranged",
    "reordered",
    "residual_at",
    "rows_per_sample",
    "saved_unread",
    "single_values",
    "span_of",
    "statement_at",
    "sublayers_not_added",
    "trains",
    "turned_output",
    "turned_sides",
    "turns_gradients_off",
    "unused_in",
    "vocabulary",
    "with_new_classes",
    "words_for",
    "words_in",
    "wrong_permutation",
    "wrong_softmaxes",
]


@dataclass(frozen=True)
class Case:
    """A test case of a rule: a small model file.

    In a bad case, the comment `# <- CODE` marks the lines that the findings must cover. `name` is a short description.
    Code that uses `nn` without importing it gets the two usual imports of torch. `call` and `inputs` have the syntax of
    the command line, for files that do not specify them.
    """

    name: str
    code: str
    call: str | None = None
    inputs: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The model file: the code without its indentation, with its imports."""
        text = textwrap.dedent(self.code).lstrip("\n")
        imported = re.search(r"^(from torch import .*\bnn\b|import torch.nn as nn)", text, re.MULTILINE)
        return text if imported or not re.search(r"\bnn\.", text) else f"import torch\nfrom torch import nn\n{text}"


class Rule(ABC):
    """One kind of mistake. The docstring of a subclass is its documentation, under fixed headings:

    What it does, Why is this bad, Example, Use instead, and (where one exists) Fix safety.

    `fixable`: `--fix` can fix some of its findings.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity] = "error"
    fixable: ClassVar[bool] = False
    traits: ClassVar[Traits] = Traits()
    bad: ClassVar[Sequence[Case]]
    good: ClassVar[Sequence[Case]]

    @abstractmethod
    def check(self, analysis: Analysis) -> Iterable[Finding]:
        """Yield a finding for each mistake of this kind in an analysed file."""

    def finding(self, failure: Failure, message: str) -> Finding:
        """Convert a failure to a finding of this rule; its fix is a hint until it is verified."""
        last = "" if failure.last_round is None else f" (in {failure.last_round})"
        return Finding(
            self.code,
            self.name,
            self.severity,
            message + last,
            failure.span,
            failure.module,
            (failure.module_path,) if failure.module_path else (),
            failure.target,
            failure.operands,
            failure.causes,
            Fix(failure.fix_plan.title) if failure.fix_plan is not None else None,
            failure.fix_plan,
        )

    def limited(self, limit: SizeLimit) -> Finding:
        """Convert a join that works for some sizes only to a finding of this rule, a warning.

        An addition after upsampling, as in a pyramid or an hourglass, accepts only divisible sizes by design: it is
        reported as info, without a fix.
        """
        if limit.sizes.grows and limit.failure.kind == "addition":
            return replace(self.finding(replace(limit.failure, fix_plan=None), limit.message), severity="info")
        return replace(self.finding(limit.failure, limit.message), severity="warning")

    def at(
        self,
        where: Where,
        message: str,
        causes: Sequence[Cause] = (),
        *,
        advice: str | None = None,
        fix_plan: FixPlan | None = None,
    ) -> Finding:
        """Create a finding of this rule at an expression of a model; `advice` is the hint if there is no fix plan.

        Example: `self.at(addition.where, "both operands are the same tensor", advice="add the block's input")`.
        """
        title = fix_plan.title if fix_plan is not None else advice
        return Finding(
            self.code,
            self.name,
            self.severity,
            message,
            where.span,
            where.module,
            (where.call.path,) if where.call.path else (),
            where.target,
            causes=tuple(causes),
            fix=Fix(title) if title is not None else None,
            fix_plan=fix_plan,
        )
