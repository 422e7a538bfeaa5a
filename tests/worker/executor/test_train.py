"""Training, on tiny models and data: in this process, and twice through the command line."""

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
def subject(tiny: Path) -> ModelUnderTest:
    return find_model(RunRequest(str(tiny)), torch.device("cpu"), torch.float32)


def bright_and_dark(count: int = 40) -> tuple[Any, Any]:
    """Images of two classes that a mean can tell apart, all different."""
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
        "data", epochs=4, learning_rate=0.01, patience=4, checkpoint=str(tmp_path / "kept.pt"), resume=False
    )


def train(
    subject: ModelUnderTest, data: Data, plan: Training, on_progress: Callable[[int, int], None] | None = None
) -> Trained:
    trainer = Trainer(subject, data, plan, batch=8, group=ProcessGroup(0, 1))
    return trainer.train(on_progress or (lambda done, total: None), all_used=True)


def losses(trained: Trained) -> list[tuple[float, float | None]]:
    return [(epoch.loss, epoch.val_loss) for epoch in trained.history]


def test_it_learns_and_says_how_far_it_is(subject: ModelUnderTest, data: Data, plan: Training) -> None:
    steps: list[tuple[int, int]] = []
    trained = train(subject, data, plan, lambda done, total: steps.append((done, total)))
    assert trained.samples == (32, 8)
    assert trained.history[-1].loss < trained.history[0].loss
    assert steps == [(number, 16) for number in range(1, 17)]
    assert trained.evaluation is not None
    assert trained.evaluation.accuracy == pytest.approx(trained.history[trained.best - 1].accuracy)


def test_a_seed_gives_the_same_numbers_twice(tiny: Path, data: Data, plan: Training, tmp_path: Path) -> None:
    runs = []
    for _ in range(2):
        fresh = find_model(RunRequest(str(tiny), seed=7), torch.device("cpu"), torch.float32)
        runs.append(losses(train(fresh, data, plan)))
    assert runs[0] == runs[1]


def test_resumed_it_ends_as_it_would_have(tiny: Path, subject: ModelUnderTest, data: Data, plan: Training) -> None:
    whole = train(subject, data, plan)

    def stop(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    again = find_model(RunRequest(str(tiny)), torch.device("cpu"), torch.float32)
    broken = train(again, data, plan, stop)
    assert (broken.interrupted, len(broken.history)) == (True, 2)
    assert broken.stopped == "interrupted in epoch 3"
    assert broken.evaluation is not None, "what was trained is kept"
    fresh = find_model(RunRequest(str(tiny)), torch.device("cpu"), torch.float32)
    assert losses(train(fresh, data, replace(plan, resume=True))) == losses(whole)


def test_interrupted_before_there_is_anything_to_keep(subject: ModelUnderTest, data: Data, plan: Training) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(subject, data, plan, stop)


def test_it_stops_early(subject: ModelUnderTest, data: Data, plan: Training) -> None:
    still = replace(plan, learning_rate=1e-30, patience=1, epochs=50)
    trained = train(subject, data, still)
    assert len(trained.history) < 50
    assert trained.stopped == "no lower validation loss in 1 epochs"


def test_a_loss_that_is_no_number_ends_it_with_the_layer(subject: ModelUnderTest, data: Data, plan: Training) -> None:
    subject.model.get_submodule("block.norm").register_forward_hook(lambda module, args, output: output / 0)
    trained = train(subject, data, plan)
    assert trained.stopped == "the loss was no longer a number in epoch 1; it begins in block.norm (BatchNorm2d)"
    assert math.isnan(trained.history[-1].loss)
    assert trained.evaluation is None


@pytest.mark.parametrize("kept", [None, b"nothing of the kind", "other"])
def test_a_checkpoint_that_does_not_serve(
    kept: bytes | str | None, subject: ModelUnderTest, data: Data, plan: Training
) -> None:
    if isinstance(kept, bytes):
        Path(plan.checkpoint).write_bytes(kept)
    elif kept is not None:
        torch.save({"model": {}}, plan.checkpoint)
    with pytest.raises(UsageError, match=r"^--resume: "):
        train(subject, data, replace(plan, resume=True))


# --- data ----------------------------------------------------------------------------------------------------------


def save_images(folder: Path, counts: dict[str, int]) -> None:
    for index, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (12, 10), (50 * index, number, 0)).save(folder / name / f"{number}.png")


def test_a_folder_of_class_folders_with_a_broken_image(tmp_path: Path) -> None:
    save_images(tmp_path, {"cat": 5, "dog": 5})
    (tmp_path / "cat" / "broken.jpg").write_bytes(b"not an image")
    (tmp_path / "cat" / "notes.txt").write_text("not an image, and not meant to be one")
    found = read_data(str(tmp_path), (3, 8, 8), seed=0)
    assert found.classes == ("cat", "dog")
    assert found.train.values.shape == (8, 3, 8, 8)
    assert len(found.validation) == 2
    assert found.notes == ("1 broken images left out: cat/broken.jpg",)


def test_a_folder_that_has_its_own_splits(tmp_path: Path) -> None:
    save_images(tmp_path / "train", {"cat": 4, "dog": 4})
    save_images(tmp_path / "val", {"cat": 2, "dog": 2})
    found = read_data(str(tmp_path), (1, 8, 8), seed=0)
    assert (len(found.train), len(found.validation)) == (8, 4)
    assert found.shared == 4, "the same colours in both"


def test_f11_identical_samples_in_both_splits_are_counted(tmp_path: Path) -> None:
    images, labels = bright_and_dark()
    path = arrays(tmp_path, x_train=images[:30], y_train=labels[:30], x_test=images[25:], y_test=labels[25:])
    assert read_data(str(path), (1, 8, 8), seed=0).shared == 5


def test_images_are_fitted_to_the_model(tmp_path: Path) -> None:
    images, labels = bright_and_dark()
    coloured = numpy.repeat(images[..., None], 3, axis=-1)
    found = read_data(str(arrays(tmp_path, images=coloured, labels=labels + 5)), (1, 16, 16), seed=0)
    assert found.train.values.shape == (32, 1, 16, 16)
    assert found.classes == ("5", "6")
    assert float(found.train.values.mean()) == pytest.approx(0, abs=1e-4)
    assert float(found.train.values.std()) == pytest.approx(1, abs=1e-2)


def test_data_of_a_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_data.py").write_text(
        "import torch\n\ndef make():\n    return [(torch.full((1, 8, 8), float(i)), i % 3) for i in range(12)]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = read_data("own_data:make", (1, 8, 8), seed=0)
    assert found.classes == ("0", "1", "2")
    with pytest.raises(UsageError, match=r"own_data:missing gives no data: AttributeError"):
        read_data("own_data:missing", (1, 8, 8), seed=0)


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
    ("kind", "said"),
    [
        ("one class", "has one class only, cat; a classifier needs two at least"),
        ("no class folders", "has no class folders; put the images of each class into a folder of its own"),
        ("no images", "has no image that can be read"),
        ("one sample", "class dog of .* has 1 samples; each needs 2 at least"),
        ("other arrays", "holds pictures; it needs images and labels, or x_train"),
        ("lengths", "labels must be whole numbers, one for each of the 40 images"),
        ("objects", "is no .npz file of plain arrays"),
        ("missing", "is no folder of class folders, no .npz file and no module:factory"),
    ],
)
def test_bad_data_is_one_clear_line(kind: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        read_data(bad_data(tmp_path, kind), (3, 8, 8), seed=0)
    assert "\n" not in str(caught.value)


def test_outputs_that_do_not_fit_the_classes(subject: ModelUnderTest, tmp_path: Path) -> None:
    images, _ = bright_and_dark()
    data = read_data(str(arrays(tmp_path, images=images, labels=numpy.arange(40) % 4)), (1, 8, 8), seed=0)
    with pytest.raises(UsageError, match=r"gives outputs of shape \(2, 2\), and .* has 4 classes; build it with"):
        require_classes(subject, data)


# --- through the command line ----------------------------------------------------------------------------------------


def test_f7_training_on_the_digits(lint: Lint, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--call", "Tiny(10)", "--train", "--epochs", "2", "--min-accuracy", "0.999"]
    result = lint("run", tiny, *options, "--format", "json")
    assert (result.exit_code, result.stderr) == (1, "")
    report = report_of(result)
    training = report["original"]["training"]
    assert training["samples"] == {"training": 1438, "validation": 359}
    assert [epoch["number"] for epoch in training["history"]] == [1, 2]
    assert training["history"][0]["observation"] == "the start"
    assert training["shared"] == 0
    assert sum(map(sum, training["evaluation"]["matrix"])) == 359
    assert report["verdict"]["missed"][0].startswith("--min-accuracy 0.999: 0.")
    assert Path(training["checkpoint"]) == tmp_path / "model.checkpoint.pt"

    refused = lint("run", tiny, *options)
    assert refused.exit_code == 2
    assert "holds an earlier training; --resume goes on with it, --checkpoint names another file" in refused.stderr

    resumed = lint("run", tiny, "--call", "Tiny(10)", "--train", "--epochs", "2", "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert "o validation" in resumed.stdout
    assert "Verdict: " in resumed.stdout
    assert "scikit-learn's digits: 1438 samples for training, 359 for validation" in resumed.stdout


def test_f11_a_silent_mistake_and_a_leak_are_reasons_against_it(
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
    bad = {each["check"]: each["text"] for each in report_of(result)["verdict"]["reasons"] if each["level"] == "bad"}
    assert bad["data leakage"] == "10 of 10 validation samples are among the training samples too"
    line = 1 + overwritten[: overwritten.index("return x + x")].count("\n") + 4
    assert bad["skip connections"].startswith(f"line {line}: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--epochs", "3"], "--epochs is about a training; give --train as well"),
        (["--resume"], "--resume is about a training; give --train as well"),
        (["--train", "--checkpoint", "missing/kept.pt"], "--checkpoint: cannot write "),
    ],
)
def test_options_that_make_no_sense(options: list[str], said: str, lint: Lint, tiny: Path) -> None:
    result = lint("run", tiny, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_ctrl_c_keeps_what_was_trained(tiny: Path, tmp_path: Path) -> None:
    images, labels = bright_and_dark()
    data = arrays(tmp_path, images=images, labels=labels)
    command = [sys.executable, "-m", "resnet_lint", "run", str(tiny), "--train", "--data", str(data)]
    options = ["--epochs", "100000", "--patience", "100000", "--checkpoint", "kept.pt"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    running = subprocess.Popen(
        [*command, *options],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "kept.pt").exists() and running.poll() is None:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    report, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, "")
    assert "--resume goes on" in report
    assert torch.load(tmp_path / "kept.pt", weights_only=True)


def test_two_processes_train_as_one_does(tiny: Path, tmp_path: Path) -> None:
    images, labels = bright_and_dark()
    data = arrays(tmp_path, images=images, labels=labels)
    source = tmp_path / "plain.py"  # without dropout, whose masks two processes draw for themselves
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
