"""Frozen records exchanged between the front and the engine of the executor. Nothing here imports torch.

Shapes are tuples of sizes, batch first; times are in seconds, memory in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .evaluation import Evaluation, MultilabelPredictions, Predictions
from .findings import Finding
from .places import Shape
from .reports import Rewrite
from .requests import Target

Level = Literal["good", "fair", "bad"]
LEVELS: tuple[Level, ...] = ("good", "fair", "bad")


USUAL_BATCH = 64
"""The batch size of a training, unless another one is requested."""


@dataclass(frozen=True)
class Training:
    """How to train: the data (`digits`, a folder, an .npz file or `module:factory`), the maximum number of epochs, the
    initial learning rate, and the patience of early stopping in epochs. `checkpoint` is the file to write; `resume`
    continues from it.
    """

    data: str
    epochs: int
    learning_rate: float
    patience: int
    checkpoint: str
    resume: bool


@dataclass(frozen=True)
class RunRequest:
    """One model for the engine to run, and how to run it.

    `source` replaces the text of the file, to run a fix before it is written. `only_class` is the class to run and
    `call` the expression that constructs the model, if the user names them; `targets` are all configured targets.
    `device` may be `auto`; if `batch` is None, it is that of the trace. `seconds` is the time limit for finding out how
    to construct the model.
    """

    path: str
    source: str | None = None
    only_class: str | None = None
    call: str | None = None
    targets: tuple[Target, ...] = ()
    seconds: float = 60.0
    device: str = "auto"
    dtype: str = "float32"
    batch: int | None = None
    seed: int = 0
    training: Training | None = None


@dataclass(frozen=True)
class ModelSetup:
    """How a model was run: the expression that constructs it, device, dtype, batch size, and input shapes by name."""

    label: str
    device: str
    dtype: str
    batch: int
    inputs: tuple[tuple[str, Shape], ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageShapes:
    """One call of a module: its output shapes as predicted by the trace on meta, and as measured."""

    path: str
    kind: str
    predicted: tuple[Shape, ...]
    measured: tuple[Shape, ...]

    @property
    def agrees(self) -> bool:
        return self.predicted == self.measured


@dataclass(frozen=True)
class Confirmation:
    """The result of a real forward and backward pass.

    `error` is the exception of the run with its line; fields that were not reached before it keep their defaults, and
    `reached` are the module calls that returned before it.
    `repeatable` is whether the model is deterministic in eval mode; `first_value` is the first element of the output
    for all-ones inputs in eval mode.
    """

    stages: tuple[StageShapes, ...] = ()
    finite: bool | None = None
    repeatable: bool | None = None
    first_value: float | None = None
    without_gradient: tuple[str, ...] = ()
    error: str | None = None
    reached: tuple[StageShapes, ...] = ()

    @property
    def agreeing(self) -> int:
        return sum(stage.agrees for stage in self.stages)

    @property
    def sound(self) -> bool:
        """Whether the model runs as predicted, with finite outputs, and every parameter has a gradient."""
        ran = self.error is None and bool(self.finite) and bool(self.repeatable)
        return ran and self.agreeing == len(self.stages) and not self.without_gradient


@dataclass(frozen=True)
class Cost:
    """The cost of a model: `multiply_adds` of a forward pass per sample (FLOPs are twice as many), `peak_bytes` of the
    weights and a training step, and the median `latency` of a forward pass with its interquartile range (`spread`),
    over `repeats` runs after `warm_ups`.

    What was not measured is None.
    """

    parameters: int
    multiply_adds: int
    peak_bytes: int | None = None
    latency: float | None = None
    spread: float | None = None
    repeats: int | None = None
    warm_ups: int | None = None
    samples_per_second: float | None = None


@dataclass(frozen=True)
class Gradient:
    """The gradient norm of a stage's parameters; `cut` is the norm with all shortcuts removed, None without any."""

    stage: str
    norm: float
    cut: float | None = None


@dataclass(frozen=True)
class Gradients:
    """The gradient norms of all stages in execution order, and the number of shortcuts that were removed."""

    stages: tuple[Gradient, ...]
    shortcuts: int


@dataclass(frozen=True)
class Result:
    """The engine's result for one model; without `gradients` and `training` if it does not run."""

    torch: str
    setup: ModelSetup
    confirmation: Confirmation
    cost: Cost
    gradients: Gradients | None = None
    training: Trained | None = None


EngineTask = RunRequest | Predictions | MultilabelPredictions
"""What the engine is asked: to run a model, or for the metrics of some predictions."""


@dataclass(frozen=True)
class Epoch:
    """One epoch; `accuracy` is the validation accuracy if there is validation data."""

    number: int
    loss: float
    accuracy: float
    val_loss: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Mistake:
    """A misclassified validation sample: its number in the split, its label, the prediction with its confidence.

    `image` is a PNG in base64, None for samples that are not images.
    """

    sample: int
    label: str
    predicted: str
    confidence: float
    image: str | None


@dataclass(frozen=True)
class Trained:
    """The result of a training: data, sizes of the training and validation split, history, and the evaluation on the
    validation data with the weights of the `best` epoch. `shared` is the number of validation samples that are in the
    training split too, `notes` list skipped data; `stopped` is the reason if training ended before its last epoch.
    `mistakes` are the misclassified samples with the highest confidence.
    """

    data: str
    samples: tuple[int, int]
    history: tuple[Epoch, ...]
    best: int
    evaluation: Evaluation | None
    shared: int
    notes: tuple[str, ...]
    checkpoint: str
    stopped: str | None = None
    interrupted: bool = False
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class Reason:
    """The result of one check: its name, its level, and the figures as text."""

    check: str
    level: Level
    text: str


@dataclass(frozen=True)
class Verdict:
    """The reasons and the missed gates. The worst reason determines the level."""

    reasons: tuple[Reason, ...]
    missed: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        return max((reason.level for reason in self.reasons), key=LEVELS.index, default="good")


@dataclass(frozen=True)
class RunReport:
    """The complete run of one file: the prediction, the fixes, and the measurements.

    `findings` are those before any fix; `rewrite` is the text before and after the fixes, and `written` is whether they
    were written to the file. `original` and `fixed` are the runs without and with the fixes. `fixed` is None if nothing
    was fixed, `verdict` is None without a training.
    """

    path: str
    findings: tuple[Finding, ...]
    rewrite: Rewrite | None
    written: bool
    original: Result
    fixed: Result | None
    seconds: float
    verdict: Verdict | None = None

    @property
    def last(self) -> Result:
        """The run with the fixes if there are any, else the original."""
        return self.fixed or self.original

    @property
    def fails_as_predicted(self) -> bool:
        """Whether the model without the fixes raises at a line that an error predicts."""
        error = self.original.confirmation.error or ""
        errors = (finding for finding in self.findings if finding.severity == "error")
        return any(error.startswith(f"line {finding.span.start.line}: ") for finding in errors)

    @property
    def left(self) -> tuple[Finding, ...]:
        """The findings that remain in the file."""
        return self.rewrite.left if self.written and self.rewrite is not None else self.findings


@dataclass(frozen=True)
class MetricsReport:
    """The result of `resnet-lint metrics`: an evaluation or a training history, and the verdict."""

    path: str
    evaluation: Evaluation | None
    history: tuple[Epoch, ...]
    verdict: Verdict
