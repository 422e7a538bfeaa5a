"""The drawings of `resnet-lint trace`: nothing overlaps, texts fit their boxes, and the page is self-contained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import Lint, command_line
from traced import DEEP

from resnet_lint.front.workers.worker_client import WorkerClient

FIXTURES = Path(__file__).parents[3] / "fixtures"
SVG = "{http://www.w3.org/2000/svg}"
HEAD = f"{SVG}g[@class='head']"
CHARACTER = 7.23  # the widest of the requested monospaced fonts, at 12 pixels


@pytest.fixture(scope="module")
def pictures(workers: WorkerClient, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ElementTree.Element]:
    """The drawings of some models."""
    deep = tmp_path_factory.mktemp("deep") / "deep.py"
    deep.write_text(DEEP)
    models = {
        "deep": deep,
        "broken": FIXTURES / "f5_pipeline/model.py",
        "resnet": FIXTURES / "digits_resnet18/model.py",
    }
    with pytest.MonkeyPatch.context() as patch:
        lint = command_line(workers, patch)
        drawn = {name: lint("trace", path, "--format", "svg").stdout for name, path in models.items()}
    return {name: ElementTree.fromstring(svg) for name, svg in drawn.items()}


def boxes(element: ElementTree.Element) -> list[ElementTree.Element]:
    """The boxes directly inside a drawing or a box."""
    inside = element.find(f"{SVG}g[@class='inside']")
    return [child for child in (inside if inside is not None else element) if "box" in child.get("class", "").split()]


def all_boxes(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    for box in boxes(element):
        yield box
        yield from all_boxes(box)


def texts(box: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in box.findall(f"{HEAD}/{SVG}text")]


def size(box: ElementTree.Element) -> tuple[float, float]:
    rect = box.find(f"{HEAD}/{SVG}rect")
    assert rect is not None
    return float(rect.get("width", 0)), float(rect.get("height", 0))


def area(box: ElementTree.Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom, relative to the enclosing box."""
    x, y = map(float, re.findall(r"[-\d.]+", box.get("transform", "translate(0 0)")))
    width, height = size(box)
    return x, y, x + width, y + height


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


NAMES = ("deep", "broken", "resnet")


@pytest.mark.parametrize("name", NAMES)
def test_boxes_are_nested_or_disjoint(name: str, pictures: dict[str, ElementTree.Element]) -> None:
    for box in all_boxes(pictures[name]):
        width, height = size(box)
        areas = [area(part) for part in boxes(box)]
        assert all(min(a[:2]) > 0 and a[2] < width and a[3] < height for a in areas)
        assert not any(overlap(a, b) for a, b in combinations(areas, 2))


@pytest.mark.parametrize("name", NAMES)
def test_texts_fit_their_boxes_and_do_not_overlap(name: str, pictures: dict[str, ElementTree.Element]) -> None:
    for box in all_boxes(pictures[name]):
        assert all(10 + len(text) * CHARACTER < size(box)[0] for text in texts(box))
        inside = box.find(f"{SVG}g[@class='inside']")
        labels = [] if inside is None else inside.findall(f"{SVG}text")
        taken = [area(part) for part in boxes(box)]
        for label in labels:
            x, y, half = float(label.get("x", 0)), float(label.get("y", 0)), len(label.text or "") * CHARACTER / 2
            taken.append((x - half, y - 10, x + half, y + 2))
        assert not any(overlap(a, b) for a, b in combinations(taken, 2))


def test_identical_modules_are_drawn_once_with_their_count(pictures: dict[str, ElementTree.Element]) -> None:
    titles = [texts(box)[0] for box in all_boxes(pictures["deep"])]
    assert "0 .. 35 (x36) Block" in titles
    assert titles.count("add") == 1


def test_skip_connections_are_drawn_as_shortcuts(pictures: dict[str, ElementTree.Element]) -> None:
    [root] = boxes(pictures["deep"])
    inside = root.find(f"{SVG}g[@class='inside']")
    assert inside is not None
    arriving = [path for path in inside.findall(f"{SVG}path") if path.get("class") == "shortcut arrives"]
    assert len(arriving) == 2  # at up1 and up2


def test_a_fault_is_red_with_the_shapes_of_both_operands(pictures: dict[str, ElementTree.Element]) -> None:
    faulty = [box for box in all_boxes(pictures["broken"]) if "fault" in box.get("class", "").split()]
    assert [texts(box) for box in faulty] == [["add", "shape mismatch", "relu"]]
    holding = [box for box in all_boxes(pictures["broken"]) if "holds-fault" in box.get("class", "").split()]
    assert [texts(box)[0].split()[0] for box in holding] == ["Classifier", "stack", "0"]
    block = holding[-1].find(f"{SVG}g[@class='inside']")
    assert block is not None
    assert len(block.findall(f"{SVG}path[@class='to-fault arrives']")) == 2
    labels = [label.text for label in block.findall(f"{SVG}text[@class='label to-fault']")]
    assert sorted(map(str, labels)) == ["56 x 56 x 256", "56 x 56 x 64"]


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_graphs_for_other_tools_are_complete(form: str, lint: Lint, tmp_path: Path) -> None:
    model = tmp_path / "deep.py"
    model.write_text(DEEP)
    text = lint("trace", model, "--format", form).stdout
    arrow = r"-->|-\.->" if form == "mermaid" else "->"
    ends = re.findall(rf"^(s\d+) (?:{arrow}).*?(s\d+)(?: \[.*)?$", text, re.MULTILINE)
    names = {name for line in text.splitlines() for name in re.findall(r"^(s\d+)(?: ?[\[(])", line)}
    assert {name for pair in ends for name in pair} == names, "every box has an edge, and every edge has boxes"
    assert len({target for _, target in ends}) == len(names) - 1, "all but the input"
    assert text.count("subgraph") == (text.count("\nend") if form == "mermaid" else text.count("\n}") - 1)
    assert "0 .. 35 (x36)" in text and "16 x 12 x 32" in text


def test_faults_are_red_in_graphs_for_other_tools(lint: Lint) -> None:
    mermaid, dot = (
        lint("trace", FIXTURES / "f5_pipeline/model.py", "--format", form).stdout for form in ("mermaid", "dot")
    )
    lines = mermaid.splitlines()
    [(numbers,)] = [re.findall(r"[\d,]+(?= stroke)", line) for line in lines if line.startswith("linkStyle")]
    edges = [line for line in lines if re.match(r"s\d+ -", line)]
    assert [edges[int(number)].split('"')[1] for number in numbers.split(",")] == ["56 x 56 x 256", "56 x 56 x 64"]
    assert [line.split("[label=")[1].split(",")[0] for line in dot.splitlines() if 'color="#b3261e"' in line] == [
        r'"add\nshape mismatch\nrelu"',
        '"56 x 56 x 256"',
        '"56 x 56 x 64"',
    ]


class Page(HTMLParser):
    """The tags of a page, the URLs that it loads, its ids and those that it links to, and the ids of its boxes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.boxes: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = {name: value or "" for name, value in attributes}
        addresses = [value for name, value in named.items() if name in ("src", "href", "xlink:href", "action")]
        self.loads += [address for address in addresses if not address.startswith("#")]
        self.links += [address[1:] for address in addresses if address.startswith("#")]
        self.ids += [named["id"]] if "id" in named else []
        self.boxes += [named["data-id"]] if "data-id" in named else []


def test_the_page_is_self_contained_and_has_the_source_of_every_box(lint: Lint, tmp_path: Path) -> None:
    result = lint("trace", FIXTURES / "f5_pipeline/model.py", "--format", "html")
    assert result.exit_code == 1
    page = Page(result.stdout)
    assert page.loads == []
    assert page.links and set(page.links) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "http:" not in result.stdout.replace("http://www.w3.org/2000/svg", "") and "@import" not in result.stdout
    [facts] = re.findall(r'<script type="application/json" id="steps">(.*?)</script>', result.stdout, re.DOTALL)
    steps = json.loads(facts)
    assert set(page.boxes) == set(steps)
    [addition] = [step for step in steps.values() if step["error"]]
    [place] = addition["places"]
    assert place["where"].endswith("f5_pipeline/model.py:25")
    assert [25, "        return self.relu(out + x)"] in place["code"]


REPEATED = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)

    def forward(self, x):
        return x + self.conv(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.Sequential(*[Block(8) for _ in range(7)])

    def forward(self, x):
        return self.blocks(self.stem(x))

if __name__ == "__main__":
    Net()(torch.randn(2, 3, 32, 32))
"""


def test_one_mistake_in_seven_calls_is_one_fault_with_its_fix(lint: Lint, tmp_path: Path) -> None:
    model = tmp_path / "net.py"
    model.write_text(REPEATED)
    source = lint("trace", model, "--format", "html").stdout
    page = Page(source)
    assert [id for id in page.ids if id.startswith("fault-")] == ["fault-1"]
    assert "7 calls: at" in source and "and 2 more" in source
    assert "fix (verified): keep the size of the branch: padding=1 on conv" in source
    assert '<span class="add">+        self.conv = nn.Conv2d(width, width, 3, padding=1)</span>' in source
    after = source.partition(">after the fix<")[2]
    assert "(2, 8, 32, 32)" in after and "shape mismatch" not in after[: after.index("</figure>")]
    assert "(2, 8, 30, 30)" in source and "30 x 30 x 8" not in source, "one notation"


def test_boxes_have_the_roles_and_names_of_a_tree(lint: Lint) -> None:
    source = lint("trace", FIXTURES / "f5_pipeline/fixed.py", "--format", "html", "--shapes", "hwc").stdout
    assert "56 x 56 x 256" in source
    boxes, heads = re.findall(r'<g class="box[^>]*>', source), re.findall(r'<g class="head"[^>]* role=[^>]*>', source)
    assert len(boxes) == len(heads) and all('role="none"' in box for box in boxes)
    assert all('role="treeitem"' in head and "aria-label" not in head for head in heads), "named by their visible text"
    assert any("aria-expanded=" in head for head in heads)


def test_source_code_is_escaped_in_the_page(lint: Lint, tmp_path: Path) -> None:
    model = tmp_path / "model.py"
    model.write_text(DEEP.replace("class Net", "# </script><script>alert(1)</script>\nclass Net"))
    assert "<script>alert" not in lint("trace", model, "--format", "html", "--depth", "1").stdout


def test_missing_igraph_is_reported_with_the_extra(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = lint("trace", FIXTURES / "f5_pipeline/fixed.py", "--format", "svg")
    assert result.exit_code == 2
    assert "igraph" in result.stderr and "pip install 'resnet-lint[trace]'" in result.stderr
    assert result.stderr.count("\n") == 1
