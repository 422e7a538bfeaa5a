"""`resnet-lint trace`: multiply-adds, trainable parameters, the memory of a training step, and receptive fields."""

from __future__ import annotations

from pathlib import Path

from conftest import Lint
from running import write
from traced import trace_of

PIPELINE = Path(__file__).parents[3] / "fixtures" / "f5_pipeline"
FROZEN = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.conv.requires_grad_(False)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


if __name__ == "__main__":
    Net()(torch.randn(4, 3, 16, 16))
"""


def test_costs_of_the_pipeline(lint: Lint) -> None:
    report = trace_of(lint("trace", PIPELINE / "fixed.py", "--format", "json"))
    fields = {stage["name"]: stage["receptive_field"] for stage in report["stages"]}
    assert fields["conv .. maxpool"] == [11, 11], "7 + 2 * (3 - 1)"
    assert fields["block"] == [27, 27], "two 3x3 convolutions at stride 4"
    assert fields["avgpool"] == [224, 224], "all of the image"
    first = report["stages"][1]
    assert first["multiply_adds"] == 112 * 112 * 64 * 7 * 7 * 3
    assert report["model"]["multiply_adds"] == sum(stage["multiply_adds"] for stage in report["stages"])
    memory = report["memory"]
    assert memory["weights"] == memory["gradients"] == memory["optimizer_state"] // 2 == 4 * 2_274_664
    assert memory["weights"] + memory["activations"] < memory["peak"]


def test_frozen_parameters_need_no_gradient(lint: Lint, tmp_path: Path) -> None:
    result = lint("trace", write(tmp_path, FROZEN))
    assert "multiply-adds per sample: 55.38 k\n" in result.stdout
    assert "314 parameters, 90 trainable; torch" in result.stdout
    assert "AdamW, batch size 4: " in result.stdout
    assert "weights 1.256 kB, gradients 360 B, optimizer state 720 B" in result.stdout


def test_a_model_that_fails_has_no_memory_of_a_step(lint: Lint) -> None:
    report = trace_of(lint("trace", PIPELINE / "model.py", "--format", "json"))
    assert report["memory"]["doubt"] == "the forward pass fails"
    assert report["model"]["multiply_adds"] > 0


def test_no_receptive_field_behind_an_addition_that_fails(lint: Lint) -> None:
    report = trace_of(lint("trace", PIPELINE.parent / "resnet18" / "model.py", "--format", "json"))
    fields = {stage["name"]: stage["receptive_field"] for stage in report["stages"]}
    assert (fields["layer1"], fields["layer2"], fields["layer4"]) == ([43, 43], None, None)
