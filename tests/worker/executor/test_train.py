"""Training tiny models on tiny data: in this process, and on the command line."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from conftest import Lint
from PIL import Image
from running import report_of, write

from resnet_lint.shared.errors import UsageError
from resnet_lint.shared.records.hardware_run import RunRequest, Trained, Training
from resnet_lint.worker.executor.data import Data, read_data, require_classes
from resnet_lint.worker.executor.model_under_test import ModelUnderTest, find_model
from resnet_lint.worker.executor.process_group import ProcessGroup
from resnet_lint.worker.executor.train import Trainer

TINY = """
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return torch.relu(x + self.norm(self.conv(x)))


class Tiny(nn.Module):
    def __init__(self, num_classes=2, width=4):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.block = Block(width)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.head(self.drop(self.block(self.stem(x)).mean((2, 3))))


if __name__ == "__main__":
    Tiny()(torch.randn(2, 1, 8, 8))
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("tiny"), TINY)


@pytest.fixture
def tested(tiny: Path) -> ModelUnderTest:
    return find_model(RunRequest(str(tiny)), torch.device("cpu"), torch.float32)


def bright_and_dark(count: int = 40) -> tuple[Any, Any]:
    """Distinct images of two classes with different means."""
    generator = numpy.random.default_rng(0)
    labels = numpy.arange(count) % 2
    return generator.integers(0, 100, (count, 8, 8), dtype=numpy.uint8) + (labels * 120)[:, None, None].astype(
        "u1"
    ), labels


def arrays(folder: Path, **named: Any) -> Path:
    numpy.savez(folder / "data.npz", **named)
    return folder / "data.npz"


@pytest.fixture
def data(tmp_path: Path) -> Data:
    images, labels = bright_and_dark()
    return read_data(str(arrays(tmp_path, images=images, labels=labels)), (1, 8, 8), seed=0)


@pytest.fixture
def plan(tmp_path: Path) -> Training:
    return Training(
        "data", epochs=4, learning_rate=0.01, patience=4, checkpoint=str(tmp_path / "tiny.pt"), resume=False
    )


def train(
    tested: ModelUnderTest, data: Data, plan: Training, on_progress: Callable[[int, int], None] | None = None
) -> Trained:
    trainer = Trainer(tested, data, plan, batch=8, group=ProcessGroup(0, 1))
    return trainer.train(on_progress or (lambda done, total: None), all_used=True)


def losses(trained: Trained) -> list[tuple[float, float | None]]:
    return [(epoch.loss, epoch.val_loss) for epoch in trained.history]


def test_training_reduces_the_loss_and_reports_progress(tested: ModelUnderTest, data: Data, plan: Training) -> None:
    steps: list[tuple[int, int]] = []
    trained = train(tested, data, plan, lambda done, total: steps.append((done, total)))
    assert trained.samples == (32, 8)
    assert trained.history[-1].loss < trained.history[0].loss
    assert steps == [(number, 16) for number in range(1, 17)]
    assert trained.evaluation is not None
    assert trained.evaluation.accuracy == pytest.approx(trained.history[trained.best - 1].accuracy)


def test_training_is_deterministic_for_a_seed(tiny: Path, data: Data, plan: Training, tmp_path: Path) -> None:
    runs = []
    for _ in range(2):
        fresh = find_model(RunRequest(str(tiny), seed=7), torch.device("cpu"), torch.float32)
        runs.append(losses(train(fresh, data, plan)))
    assert runs[0] == runs[1]


def test_resumed_training_equals_uninterrupted_training(
    tiny: Path, tested: ModelUnderTest, data: Data, plan: Training
) -> None:
    whole = train(tested, data, plan)

    def stop(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    again = find_model(RunRequest(str(tiny)), torch.device("cpu"), torch.float32)
    broken = train(again, data, plan, stop)
    assert (broken.interrupted, len(broken.history)) == (True, 2)
    assert broken.stopped == "interrupted in epoch 3"
    assert broken.evaluation is not None, "finished epochs are evaluated"
    fresh = find_model(RunRequest(str(tiny)), torch.device("cpu"), torch.float32)
    assert losses(train(fresh, data, replace(plan, resume=True))) == losses(whole)


def test_interrupted_before_the_first_epoch(tested: ModelUnderTest, data: Data, plan: Training) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tested, data, plan, stop)


def test_early_stopping(tested: ModelUnderTest, data: Data, plan: Training) -> None:
    frozen = replace(plan, learning_rate=1e-30, patience=1, epochs=50)
    trained = train(tested, data, frozen)
    assert len(trained.history) < 50
    assert trained.stopped == "early stopping: validation loss not improved for 1 epochs"


def test_a_non_finite_loss_stops_training_and_names_the_layer(
    tested: ModelUnderTest, data: Data, plan: Training
) -> None:
    tested.model.get_submodule("block.norm").register_forward_hook(lambda module, args, output: output / 0)
    trained = train(tested, data, plan)
    assert trained.stopped == "non-finite loss in epoch 1, first in the output of block.norm (BatchNorm2d)"
    assert math.isnan(trained.history[-1].loss)
    assert trained.evaluation is None


@pytest.mark.parametrize("content", [None, b"not a checkpoint", "other"])
def test_unusable_checkpoints(content: bytes | str | None, tested: ModelUnderTest, data: Data, plan: Training) -> None:
    if isinstance(content, bytes):
        Path(plan.checkpoint).write_bytes(content)
    elif content is not None:
        torch.save({"model": {}}, plan.checkpoint)
    with pytest.raises(UsageError, match=r"^--resume: "):
        train(tested, data, replace(plan, resume=True))


# --- data ----------------------------------------------------------------------------------------------------------


def save_images(folder: Path, counts: dict[str, int]) -> None:
    for index, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (12, 10), (50 * index, number, 0)).save(folder / name / f"{number}.png")


def test_a_folder_of_class_folders_with_an_unreadable_image(tmp_path: Path) -> None:
    save_images(tmp_path, {"cat": 5, "dog": 5})
    (tmp_path / "cat" / "broken.jpg").write_bytes(b"truncated")
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    found = read_data(str(tmp_path), (3, 8, 8), seed=0)
    assert found.classes == ("cat", "dog")
    assert found.train.values.shape == (8, 3, 8, 8)
    assert len(found.validation) == 2
    assert found.notes == ("unreadable images skipped (1): cat/broken.jpg",)


def test_a_folder_with_train_and_val(tmp_path: Path) -> None:
    save_images(tmp_path / "train", {"cat": 4, "dog": 4})
    save_images(tmp_path / "val", {"cat": 2, "dog": 2})
    found = read_data(str(tmp_path), (1, 8, 8), seed=0)
    assert (len(found.train), len(found.validation)) == (8, 4)
    assert found.shared == 4, "both have the same colours"


def test_f11_identical_samples_in_both_splits_are_counted(tmp_path: Path) -> None:
    images, labels = bright_and_dark()
    path = arrays(tmp_path, x_train=images[:30], y_train=labels[:30], x_test=images[25:], y_test=labels[25:])
    assert read_data(str(path), (1, 8, 8), seed=0).shared == 5


def test_images_are_converted_to_the_shape_of_the_input(tmp_path: Path) -> None:
    images, labels = bright_and_dark()
    coloured = numpy.repeat(images[..., None], 3, axis=-1)
    found = read_data(str(arrays(tmp_path, images=coloured, labels=labels + 5)), (1, 16, 16), seed=0)
    assert found.train.values.shape == (32, 1, 16, 16)
    assert found.classes == ("5", "6")
    assert float(found.train.values.mean()) == pytest.approx(0, abs=1e-4)
    assert float(found.train.values.std()) == pytest.approx(1, abs=1e-2)


def test_data_from_a_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "user_data.py").write_text(
        "import torch\n\ndef make():\n    return [(torch.full((1, 8, 8), float(i)), i % 3) for i in range(12)]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = read_data("user_data:make", (1, 8, 8), seed=0)
    assert found.classes == ("0", "1", "2")
    with pytest.raises(UsageError, match=r"user_data:missing failed: AttributeError"):
        read_data("user_data:missing", (1, 8, 8), seed=0)


def bad_data(folder: Path, kind: str) -> str:
    images, labels = bright_and_dark()
    if kind == "one class":
        save_images(folder / "images", {"cat": 3})
    elif kind == "no class folders":
        (folder / "images").mkdir()
    elif kind == "no images":
        (folder / "images" / "cat").mkdir(parents=True)
    elif kind == "one sample":
        save_images(folder / "images", {"cat": 3, "dog": 1})
    elif kind == "other arrays":
        return str(arrays(folder, pictures=images))
    elif kind == "lengths":
        return str(arrays(folder, images=images, labels=labels[:-1]))
    elif kind == "objects":
        return str(arrays(folder, images=numpy.array([{}, {}], dtype=object), labels=labels[:2]))
    else:
        return str(folder / "nothing")
    return str(folder / "images")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("one class", "has only one class, cat; a classifier needs at least two"),
        ("no class folders", "has no class folders; put the images of each class into a separate folder"),
        ("no images", "has no readable images"),
        ("one sample", "class dog of .* has 1 samples; each class needs at least 2"),
        ("other arrays", "contains pictures; expected images and labels, or x_train"),
        ("lengths", "labels must be integers, one for each of the 40 images"),
        ("objects", "is not an .npz file of plain arrays"),
        ("missing", "is neither a folder of class folders, nor an .npz file, nor module:factory"),
    ],
)
def test_bad_data_is_reported_in_one_line(kind: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=expected) as caught:
        read_data(bad_data(tmp_path, kind), (3, 8, 8), seed=0)
    assert "\n" not in str(caught.value)


def test_number_of_outputs_differs_from_the_classes(tested: ModelUnderTest, tmp_path: Path) -> None:
    images, _ = bright_and_dark()
    data = read_data(str(arrays(tmp_path, images=images, labels=numpy.arange(40) % 4)), (1, 8, 8), seed=0)
    with pytest.raises(
        UsageError, match=r"has outputs of shape \(2, 2\), but .* has 4 classes; set the number of outputs"
    ):
        require_classes(tested, data)


# --- on the command line ---------------------------------------------------------------------------------------------


def test_f7_training_on_digits(lint: Lint, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--call", "Tiny(10)", "--train", "--epochs", "2", "--min-accuracy", "0.999"]
    result = lint("run", tiny, *options, "--format", "json")
    assert (result.exit_code, result.stderr) == (1, "")
    report = report_of(result)
    training = report["original"]["training"]
    assert training["samples"] == {"training": 1438, "validation": 359}
    assert [epoch["number"] for epoch in training["history"]] == [1, 2]
    assert training["history"][0]["observation"] == "first epoch"
    assert training["shared"] == 0
    assert sum(map(sum, training["evaluation"]["matrix"])) == 359
    assert report["verdict"]["missed"][0].startswith("--min-accuracy 0.999: 0.")
    assert Path(training["checkpoint"]) == tmp_path / "checkpoints" / "model.pt"

    rejected = lint("run", tiny, *options)
    assert rejected.exit_code == 2
    assert "already exists; continue it with --resume, or name another --checkpoint" in rejected.stderr

    resumed = lint("run", tiny, "--call", "Tiny(10)", "--train", "--epochs", "2", "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert "o validation" in resumed.stdout
    assert "thresholds on scikit-learn's digits (2 epochs)\n" in resumed.stdout
    assert "scikit-learn's digits: 1438 training samples, 359 validation samples" in resumed.stdout


def test_f11_a_silent_mistake_and_a_leak_make_the_verdict_bad(
    lint: Lint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    overwritten = TINY.replace(
        "return torch.relu(x + self.norm(self.conv(x)))", "x = self.conv(x)\n        return x + x"
    )
    model = write(tmp_path, overwritten)
    images, labels = bright_and_dark()
    data = arrays(tmp_path, x_train=images, y_train=labels, x_test=images[:10], y_test=labels[:10])
    result = lint("run", model, "--train", "--epochs", "1", "--data", data, "--format", "json")
    reasons = report_of(result)["verdict"]["reasons"]
    bad = {reason["check"]: reason["text"] for reason in reasons if reason["level"] == "bad"}
    assert bad["data leakage"] == "10 of 10 validation samples are also in the training split"
    line = 1 + overwritten[: overwritten.index("return x + x")].count("\n") + 4
    assert bad["skip connections"].startswith(f"line {line}: ")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--epochs", "3"], "--epochs requires --train"),
        (["--resume"], "--resume requires --train"),
        (["--train", "--checkpoint", "missing/tiny.pt"], "--checkpoint: cannot write "),
    ],
)
def test_conflicting_options(options: list[str], expected: str, lint: Lint, tiny: Path) -> None:
    result = lint("run", tiny, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr


def test_a_model_that_is_not_a_classifier(lint: Lint, tmp_path: Path) -> None:
    images, labels = bright_and_dark()
    model = write(tmp_path, TINY.replace(".mean((2, 3))", "").replace("self.head(self.drop(", "(self.drop("))
    options = ["--data", arrays(tmp_path, images=images, labels=labels), "--checkpoint", tmp_path / "tiny.pt"]
    result = lint("run", model, "--train", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Tiny() is not a classifier: its output has shape (2, 4, 8, 8)" in result.stderr


def test_ctrl_c_keeps_the_finished_epochs(tiny: Path, tmp_path: Path) -> None:
    images, labels = bright_and_dark()
    data = arrays(tmp_path, images=images, labels=labels)
    command = [sys.executable, "-m", "resnet_lint", "run", str(tiny), "--train", "--data", str(data)]
    options = ["--epochs", "100000", "--patience", "100000", "--checkpoint", "tiny.pt"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    running = subprocess.Popen(
        [*command, *options],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "tiny.pt").exists() and running.poll() is None:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    report, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, "")
    assert "(continue with --resume)" in report
    assert torch.load(tmp_path / "tiny.pt", weights_only=True)


@pytest.mark.slow
def test_two_processes_train_like_one(tiny: Path, tmp_path: Path) -> None:
    images, labels = bright_and_dark()
    data = arrays(tmp_path, images=images, labels=labels)
    source = tmp_path / "plain.py"  # without dropout, whose masks differ between processes
    source.write_text(tiny.read_text().replace("nn.Dropout(0.1)", "nn.Identity()"))
    found = []
    for number, launcher in enumerate((["-m"], ["-m", "torch.distributed.run", "--nproc-per-node", "2", "-m"])):
        command = [sys.executable, *launcher, "resnet_lint", "run", str(source), "--train", "--data", str(data)]
        options = ["--epochs", "2", "--batch", "7", "--format", "json", "--checkpoint", f"{number}.pt"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
        run = subprocess.run([*command, *options], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        found.append(json.loads(run.stdout)["original"]["training"])
    one, two = found
    assert one["evaluation"]["matrix"] == two["evaluation"]["matrix"]
    for left, right in zip(one["history"], two["history"], strict=True):
        assert left["loss"] == pytest.approx(right["loss"], rel=1e-4)
        assert left["val_loss"] == pytest.approx(right["val_loss"], rel=1e-4)
        assert left["accuracy"] == right["accuracy"]
