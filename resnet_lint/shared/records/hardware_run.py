"""The frozen records that travel between the executor's front and its engine.

Nothing here imports torch. A shape is a tuple of sizes, batch first; times are in seconds, memory in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .findings import Finding
from .places import Shape
from .reports import Rewrite
from .requests import Target

Level = Literal["good", "fair", "bad"]
LEVELS: tuple[Level, ...] = ("good", "fair", "bad")


@dataclass(frozen=True)
class Training:
    """How to train: on what (`digits`, a folder, a .npz file or `module:factory`), for how many epochs at most, with
    which learning rate to begin with, and how many epochs may pass without a lower validation loss. `checkpoint` is the
    file that holds what was trained; `resume` goes on from it.
    """

    data: str
    epochs: int
    learning_rate: float
    patience: int
    checkpoint: str
    resume: bool


@dataclass(frozen=True)
class RunRequest:
    """What the engine is asked to do with one model.

    `source` is read in place of the file's text: that is how a fix is run before it is written. `only_class` is the
    class to run, and `call` the source that builds the model, where the user names them; `targets` are all that is
    said of the classes. `device` may be `auto`, and `batch` is that of the trace where it is None. `seconds` is the
    time limit for finding out how to build the model.
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

    @staticmethod
    def from_fields(fields: dict[str, Any]) -> RunRequest:
        """The order that JSON turned into lists and objects."""
        targets = tuple(Target(**{**target, "inputs": tuple(target["inputs"])}) for target in fields["targets"])
        training = Training(**fields["training"]) if fields["training"] is not None else None
        return RunRequest(**{**fields, "targets": targets, "training": training})


@dataclass(frozen=True)
class ModelSetup:
    """The model that was run: the source that builds it, where and how it ran, and its inputs by name."""

    label: str
    device: str
    dtype: str
    batch: int
    inputs: tuple[tuple[str, Shape], ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageShapes:
    """One call of a module: the shapes of its results, as the trace on meta predicts them and as they were measured."""

    path: str
    kind: str
    predicted: tuple[Shape, ...]
    measured: tuple[Shape, ...]

    @property
    def agrees(self) -> bool:
        return self.predicted == self.measured


@dataclass(frozen=True)
class Confirmation:
    """What a real forward and backward showed.

    `error` is the error of the real run, with its place; the other fields tell how far the run came before it.
    `first_value` is the first value that the model gives for inputs of ones, in evaluation mode.
    """

    stages: tuple[StageShapes, ...] = ()
    finite: bool | None = None
    repeatable: bool | None = None
    first_value: float | None = None
    without_gradient: tuple[str, ...] = ()
    error: str | None = None

    @property
    def agreeing(self) -> int:
        return sum(stage.agrees for stage in self.stages)

    @property
    def sound(self) -> bool:
        """Whether the model ran to its end, as predicted, and every parameter learns."""
        ran = self.error is None and bool(self.finite) and bool(self.repeatable)
        return ran and self.agreeing == len(self.stages) and not self.without_gradient


@dataclass(frozen=True)
class Cost:
    """What a model costs: `multiply_adds` of a forward for one sample (FLOPs are twice as many), `peak_bytes` that the
    weights and a forward and backward hold, `latency` of a forward (its median) and the `spread` of its middle half.

    What was not measured is None.
    """

    parameters: int
    multiply_adds: int
    peak_bytes: int | None = None
    latency: float | None = None
    spread: float | None = None
    samples_per_second: float | None = None


@dataclass(frozen=True)
class Gradient:
    """The norm of the gradient of a stage's parameters, and the same with all shortcuts cut, None where none was."""

    stage: str
    norm: float
    cut: float | None = None


@dataclass(frozen=True)
class Gradients:
    """The gradients of all stages in the order of the forward pass, and how many shortcuts were cut."""

    stages: tuple[Gradient, ...]
    shortcuts: int


@dataclass(frozen=True)
class Result:
    """Everything that the engine found out about one model; of one that does not run there are no `gradients`, and no
    `training`.
    """

    torch: str
    setup: ModelSetup
    confirmation: Confirmation
    cost: Cost
    gradients: Gradients | None = None
    training: Trained | None = None


@dataclass(frozen=True)
class Predictions:
    """What a classifier said to some samples: their labels and its predictions, as places in `classes`.

    `scores` are its confidence in each prediction, from 0 to 1; there are none where nobody noted them.
    """

    classes: tuple[str, ...]
    labels: tuple[int, ...]
    predictions: tuple[int, ...]
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Score:
    """Precision, recall and their harmonic mean, of a class or as a mean over classes; `support` counts its samples."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a classifier. Row i of `matrix` counts what the samples of class i were taken for.

    `macro` is the plain mean over the classes, `weighted` the mean by their support. `calibration_error` is how far
    the scores are from the share of right answers (expected calibration error, 15 bins), None without scores.
    """

    classes: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    scores: tuple[Score, ...]
    macro: Score
    weighted: Score
    accuracy: float
    calibration_error: float | None = None


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data; accuracy is that on the validation data, where there is one."""

    number: int
    loss: float
    accuracy: float
    val_loss: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Trained:
    """A training: its data with the number of samples in both splits, its epochs, and the evaluation on the validation
    data with the weights of the `best` epoch. `shared` counts the validation samples that are among the training
    samples too, `notes` name what was left out of the data; `stopped` says why it ended before its last epoch.
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


@dataclass(frozen=True)
class Thresholds:
    """What is wanted: the accuracy, and precision, recall and F1 of the worst class; the most that the validation loss
    may lie above the training loss. `gates` are those that the user has set: to miss one is a failure.
    """

    accuracy: float = 0.90
    precision: float = 0.85
    recall: float = 0.85
    f1: float = 0.85
    loss_gap: float = 0.25
    gates: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reason:
    """One thing that was looked at: the name of the check, what it says of the model, and the figures in words."""

    check: str
    level: Level
    text: str


@dataclass(frozen=True)
class Verdict:
    """The reasons, and the gates that were missed. The worst reason decides."""

    reasons: tuple[Reason, ...]
    missed: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        return max((reason.level for reason in self.reasons), key=LEVELS.index, default="good")


@dataclass(frozen=True)
class RunReport:
    """A whole run of one file: what was predicted, what was fixed, and what the hardware said to it.

    `findings` are those of the file as it was; `rewrite` is its text before and after the fixes, and `written` says
    whether the file has them. `original` and `fixed` are the runs without and with them; with nothing to fix there is
    no `fixed`, and without a training no `verdict`.
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
        """The run that counts: with the fixes, where there are any."""
        return self.fixed or self.original

    @property
    def left(self) -> tuple[Finding, ...]:
        """The findings that the file has now."""
        return self.rewrite.left if self.written and self.rewrite is not None else self.findings


@dataclass(frozen=True)
class MetricsReport:
    """What `resnet-lint metrics` says of a file: of answers their evaluation, of a training its epochs; the verdict."""

    path: str
    evaluation: Evaluation | None
    history: tuple[Epoch, ...]
    verdict: Verdict
