"""Groups the steps of a trace into stages: stem, residual blocks, pooling, classifier.

A stage starts with a layer, a module with parts, or a join. Activations and normalizations belong to the stage before
them, reshapes to the stage after them. Before the first module with parts, the layers of the stem are one stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from resnet_lint.shared.records.model_trace import ForwardStep, ModelTrace, TracedTensor

from .operation_names import ADDITIONS, in_words, layer_name

# Usual names of the last layer of a classifier.
_CLASSIFIERS = frozenset({"fc", "head", "classifier", "logits", "linear", "heads.head", "head.fc"})


@dataclass(frozen=True)
class Stage:
    """Consecutive steps, with the tensors that enter and leave them, and their number of parameters.

    `operation` describes them in words; `classes` is the number of classes if the stage is the classifier.
    `receptive_field` is that of the last step.
    """

    number: int
    steps: tuple[ForwardStep, ...]
    operation: str
    inputs: tuple[TracedTensor, ...]
    outputs: tuple[TracedTensor, ...]
    parameters: int
    is_faulty: bool = False
    classes: int | None = None
    multiply_adds: int = 0
    receptive_field: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """The path of the step, or of the first and the last step."""
        paths = [step.path or step.name for step in self.steps]
        return paths[0] if len(paths) == 1 else f"{paths[0]} .. {paths[-1]}"


def stages(trace: ModelTrace, depth: int = 1) -> tuple[Stage, ...]:
    """The stages of a trace; a depth of 2 or more expands the children of the model."""
    model = _unwrapped(trace.root)
    elements = [step for step in _elements(model, depth) if step.operation not in ("input", "output")]
    groups = _grouped(elements, _stem(model), trace)
    found = [_stage(number, group, trace) for number, group in enumerate([*map(_alone, trace.inputs), *groups], 1)]
    return (*found[:-1], *map(_with_classes, found[-1:])) if _takes_image(trace) else tuple(found)


def _alone(step: ForwardStep) -> tuple[ForwardStep, ...]:
    return (step,)


def _unwrapped(step: ForwardStep) -> ForwardStep:
    """Skip modules that only wrap another one."""
    inner = [part for part in step.parts if part.operation not in ("input", "output")]
    return _unwrapped(inner[0]) if len(inner) == 1 and inner[0].parts else step


def _elements(step: ForwardStep, depth: int) -> Iterator[ForwardStep]:
    for part in step.parts:
        if part.parts and depth > 1:
            yield from _elements(part, depth - 1)
        else:
            yield part


def _stem(model: ForwardStep) -> set[int]:
    """The ids of the steps before the first module with parts, if there is one."""
    parts = [part for part in model.parts if part.operation != "input"]
    before = list(takewhile(lambda part: not part.parts, parts))
    return {part.id for part in before} if len(before) < len(parts) else set()


def _grouped(elements: Sequence[ForwardStep], stem: set[int], trace: ModelTrace) -> list[tuple[ForwardStep, ...]]:
    groups: list[list[ForwardStep]] = []
    waiting: list[ForwardStep] = []  # reshapes, for the next group
    for element in elements:
        if groups and _follows(element, groups[-1], element.id in stem, trace):
            groups[-1] += [*waiting, element]
            waiting = []
        elif _is_small(element) and not _keeps_shape(element) and groups:
            waiting.append(element)
        else:
            groups.append([*waiting, element])
            waiting = []
    if waiting:
        groups[-1] += waiting
    return [tuple(group) for group in groups]


def _follows(element: ForwardStep, group: Sequence[ForwardStep], in_stem: bool, trace: ModelTrace) -> bool:
    """Whether an element belongs to the group before it."""
    if in_stem:
        return True
    if _is_small(element):
        return _keeps_shape(element)
    return bool(_blocks_in(element, trace)) and _beside(element, group[-1])


def _beside(element: ForwardStep, before: ForwardStep) -> bool:
    """Whether two modules are consecutive members of one list: `layers.0` and `layers.1`."""
    (outer, _, number), (outer_before, _, number_before) = (step.path.rpartition(".") for step in (element, before))
    listed = number.isdigit() and number_before.isdigit() and "." in element.name
    return bool(element.parts) and listed and outer == outer_before


def _is_small(step: ForwardStep) -> bool:
    return not step.parts and layer_name(step) is None and step.operation not in ADDITIONS


def _keeps_shape(step: ForwardStep) -> bool:
    return {tensor.shape for tensor in step.inputs} >= {tensor.shape for tensor in step.outputs}


def _blocks_in(step: ForwardStep, trace: ModelTrace) -> list[ForwardStep]:
    """The residual blocks in a step: the steps that directly contain a residual addition."""
    return [block for block in step.walk() if any(part.id in trace.additions for part in block.parts)]


def _stage(number: int, steps: tuple[ForwardStep, ...], trace: ModelTrace) -> Stage:
    inside = {part.id for step in steps for part in step.walk()}
    inputs = [flow.tensor for flow in trace.flows if flow.target in inside and flow.source not in inside]
    outputs = [flow.tensor for flow in trace.flows if flow.source in inside and flow.target not in inside]
    return Stage(
        number,
        steps,
        _operation(steps, trace),
        tuple(dict.fromkeys(inputs)),
        tuple(dict.fromkeys(outputs)),
        sum(step.parameters for step in steps),
        any(fault.step in inside for fault in trace.faults),
        multiply_adds=sum(step.multiply_adds for step in steps),
        receptive_field=steps[-1].receptive_field,
    )


def _operation(steps: Sequence[ForwardStep], trace: ModelTrace) -> str:
    if steps[0].operation == "input":
        return "input image" if _is_image(steps[0].outputs) else "input"
    blocks = [block for step in steps for block in _blocks_in(step, trace)]
    if len(blocks) == 1 and _is_alone(blocks[0], steps):
        return _block(blocks[0], trace)
    in_blocks = {step.id for block in blocks for step in block.walk()}
    leaves = [leaf for step in steps for leaf in step.leaves if leaf.id not in in_blocks]
    names = [name for leaf in leaves if (name := _name(leaf, trace)) is not None]
    if blocks:
        stacked = f"{len(blocks)} stacked residual blocks" if len(blocks) > 1 else "residual block"
        return f"{stacked}, with {in_words(names)}" if names else stacked
    if not names:
        return ", ".join(dict.fromkeys(step.kind for step in steps))
    if len(names) == 1:
        return names[0]
    words = in_words(names)
    return words.replace("one ", "first ", 1) if _is_stem(steps, trace) else words


def _is_alone(block: ForwardStep, steps: Sequence[ForwardStep]) -> bool:
    """Whether the steps are one block followed by activations only."""
    return steps[0] is block and all(_is_small(step) for step in steps[1:])


def _is_stem(steps: Sequence[ForwardStep], trace: ModelTrace) -> bool:
    """Whether the steps are layers of the model itself, directly after its input."""
    entering = {flow.source for flow in trace.flows if flow.target == steps[0].id}
    return not any(step.parts for step in steps) and entering <= {step.id for step in trace.inputs}


def _name(leaf: ForwardStep, trace: ModelTrace) -> str | None:
    if leaf.id in trace.additions:
        return "residual addition"
    return "addition" if leaf.operation in ADDITIONS else layer_name(leaf)


def _block(block: ForwardStep, trace: ModelTrace) -> str:
    """Describe a residual block: the layers of its branch, and its shortcut."""
    on_shortcut = {flow.target for flow in trace.flows if flow.role == "shortcut"} - set(trace.additions)
    leaves = [leaf for leaf in block.leaves if leaf.id not in on_shortcut]
    names = [name for leaf in leaves if (name := layer_name(leaf)) is not None]
    projected = any(layer_name(leaf) is not None for leaf in block.leaves if leaf.id in on_shortcut)
    return f"residual block: {in_words(names)}, plus {'a projection of the input' if projected else 'the input'}"


def _is_image(tensors: Sequence[TracedTensor]) -> bool:
    return any(len(tensor.shape) == 4 and tensor.shape[1] in (1, 3, 4) for tensor in tensors)


def _takes_image(trace: ModelTrace) -> bool:
    return any(_is_image(step.outputs) for step in trace.inputs)


def _with_classes(stage: Stage) -> Stage:
    """Set the number of classes if this last stage is a classifier."""
    shapes = [tensor.shape for tensor in stage.outputs]
    is_classifier = stage.operation == "fully connected layer" and stage.steps[-1].path in _CLASSIFIERS
    if is_classifier and len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][1] > 1:
        return replace(stage, classes=shapes[0][1])
    return stage
