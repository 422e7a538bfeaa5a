"""RL205: a skip connection with an operator other than addition."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_lint.rule import (
    Analysis,
    Call,
    Case,
    Finding,
    Model,
    Node,
    Point,
    Rule,
    Traits,
    behind_plain_calls,
    depends_on,
    fork_of,
    name_of,
    names_bound_by,
    names_read_by,
    node_at,
    operands_of,
    statement_at,
    vocabulary,
    words_in,
)


class WrongOperator(Rule):
    """What it does: finds a block that subtracts, multiplies or divides its input and its residual branch of the same
    shape.

    It is reported only if a name supports it: a class named after a block, or a variable such as `identity`.
    Gates, attention and normalization are not reported.

    Why is this bad: a skip connection adds (He et al. 2015). No error is raised with another operator, but neither
    the input nor the gradient passes the block unchanged.

    Example:
        out = torch.relu(self.conv(x))
        out = x * out

    Use instead:
        out = torch.relu(self.conv(x))
        out = x + out
    """

    code = "RL205"
    name = "wrong-operator"
    severity = "warning"
    traits = Traits(family="operator", silent=True)
    bad = (
        Case(
            "subtraction",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    out = torch.relu(self.conv(x))
                    out = x - out  # <- RL205
                    return out
        """,
        ),
        Case(
            "multiplication, in place",
            """
            class ResUnit(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                    self.bn = nn.BatchNorm2d(width)
                def forward(self, x):
                    out = self.bn(self.conv(x))
                    out *= x  # <- RL205
                    return torch.relu(out)
        """,
        ),
        Case(
            "division, with a variable named identity",
            """
            class Stage(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.fc = nn.Linear(width, width)
                def forward(self, x):
                    identity = x
                    x = self.fc(x)
                    return x / identity  # <- RL205
        """,
        ),
        Case(
            "saved in the middle of a stage",
            """
            class Stage(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.down = nn.Conv2d(width, width, 2, stride=2)
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    x = self.down(x)
                    identity = x
                    x = self.conv(x)
                    return x - identity  # <- RL205
        """,
        ),
    )
    good = (
        Case(
            "a gate",
            """
            class GatedBlock(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 1)
                def forward(self, x):
                    return x * torch.sigmoid(self.conv(x))
        """,
        ),
        Case(
            "a gate that is added to 1, which keeps the block's input",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.space, self.channels = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    amount = torch.sigmoid(self.space(x) + self.channels(x))
                    return (1 + amount) * x
        """,
        ),
        Case(
            "a network that predicts the noise",
            """
            class Denoiser(nn.Module):
                def __init__(self, width=3):
                    super().__init__()
                    self.net = nn.Sequential(nn.Conv2d(width, 16, 3, padding=1), nn.Conv2d(16, width, 3, padding=1))
                def forward(self, x):
                    return x - self.net(x)
        """,
        ),
        Case(
            "residual quantization",
            """
            class ResidualQuantizer(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.steps = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])
                def forward(self, x):
                    residual, explained = x, 0
                    for step in self.steps:
                        part = step(residual)
                        residual = residual - part
                        explained = explained + part
                    return explained
        """,
        ),
        Case(
            "a mean of input and branch",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    return x + 0.5 * (self.conv(x) - x)
        """,
        ),
        Case(
            "what a block explains of its input, beside its forecast",
            """
            class ForecastBlock(nn.Module):
                def __init__(self, width=24):
                    super().__init__()
                    self.fc, self.back, self.ahead = nn.Linear(width, 32), nn.Linear(32, width), nn.Linear(32, 6)
                def forward(self, x):
                    h = torch.relu(self.fc(x))
                    return x - self.back(h), self.ahead(h)
        """,
        ),
        Case(
            "the error of a back-projection",
            """
            class UpBlock(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.up = nn.ConvTranspose2d(width, width, 2, stride=2)
                    self.down = nn.Conv2d(width, width, 2, stride=2)
                    self.again = nn.ConvTranspose2d(width, width, 2, stride=2)
                def forward(self, x):
                    high = self.up(x)
                    error = self.down(high) - x
                    return high + self.again(error)
        """,
        ),
        Case(
            "a scaled branch",
            """
            class Block(nn.Module):
                def __init__(self, width=8):
                    super().__init__()
                    self.conv = nn.Conv2d(width, width, 3, padding=1)
                def forward(self, x):
                    return x + self.conv(x) * 0.1
        """,
        ),
    )

    def check(self, analysis: Analysis) -> Iterator[Finding]:
        for model in analysis.models:
            for node in model.nodes:
                operator = _OPERATORS.get(node.function)
                branch = _joined_branch(node, model) if operator is not None and node.point is not None else None
                if branch is not None:
                    message = (
                        f"the block's input and its residual branch ({name_of(branch, model.block_of(node))}) are "
                        f"combined with `{operator}`; a skip connection adds them"
                    )
                    yield self.at(model.where_of(node), message, advice="use + instead")


# Each of these can be intended: a network may predict noise to subtract, a gate scales. So shapes alone are not enough:
# the names have to indicate a skip connection, and nothing in the branch may indicate a gate.
_OPERATORS: dict[str, str] = {
    "sub": "-",
    "isub": "-",
    "rsub": "-",
    "mul": "*",
    "imul": "*",
    "div": "/",
    "truediv": "/",
    "itruediv": "/",
}

_SKIP_WORDS = vocabulary.SAVED | vocabulary.RESIDUALS
_BLOCK_WORDS = _SKIP_WORDS | vocabulary.BLOCKS
_GATE_WORDS = frozenset(
    {"attn", "attention", "gate", "gated", "gating", "glu", "se", "squeeze", "excite", "excitation", "cbam", "eca"}
    | {"modulation", "mod", "lka", "scale", "context", "mask", "weight", "weights", "norm", "gdn", "denoise", "noise"}
)
_GATES = frozenset(
    {"sigmoid", "softmax", "tanh", "hardsigmoid", "exp", "softplus", "sqrt", "rsqrt", "norm", "abs", "clamp", "pow"}
    | {"softsign", "log_softmax", "logsigmoid", "normalize", "cos", "sin", "mul", "div", "mean", "sum", "interpolate"}
)


_SUMS = frozenset({"add", "radd", "iadd"})


def _joined_branch(node: Node, model: Model) -> Node | None:
    """The residual branch that is combined with its block's input, if the names indicate a skip connection."""
    pair, block, point = operands_of(node), model.block_of(node), node.known_point
    branch = _branch(pair, block, saved=bool(_words_read(point) & vocabulary.SAVED)) if pair is not None else None
    if branch is None or _is_gate(branch) or not _is_named_like_a_skip(block, point) or _is_rest(point):
        return None
    if _OPERATORS[node.function] == "-" and (
        _has_second_result(branch, block, model) or _is_fed_back(node, branch, model)
    ):
        return None
    return branch


def _branch(pair: tuple[Node, Node], block: Call, saved: bool) -> Node | None:
    """The operand that the block's layers compute from the other one: from its input, or from a saved shortcut."""
    left, right = pair
    if left.shape != right.shape:
        return None
    for identity, branch in ((left, right), (right, left)):
        # `x + a * (branch - x)` has its skip connection.
        added = any(user.kind == "addition" for user in identity.users)
        source = identity in block.inputs or (saved and fork_of(left, right) is identity)
        if source and branch is not identity and not added and block.made(branch):
            return branch
    return None


def _is_gate(branch: Node) -> bool:
    """Whether a branch scales, or adds a number: `(1 + f(x)) * x` has its skip connection."""
    maker = behind_plain_calls(branch)
    return maker.function in _GATES or (maker.function in _SUMS and len(maker.operands) == 1)


def _has_second_result(branch: Node, block: Call, model: Model) -> bool:
    """Whether the block, or the module that computes the branch, also returns something else, as in N-BEATS.

    Its blocks return what they explain of their input, which is subtracted from it, and a forecast.
    """
    makers = (call for call, made in model.results.items() if branch in made and not call.is_torchs)
    return any(len(model.results.get(call, ())) > 1 for call in (block, *makers))


def _is_fed_back(node: Node, branch: Node, model: Model) -> bool:
    """Whether a difference corrects what it was computed from, as in back-projection networks.

    `high = up(x); error = down(high) - x; return high + up2(error)`
    """
    additions = (addition for addition in model.additions if addition.block is model.block_of(node))
    return any(
        depends_on(corrected, node) and depends_on(branch, first) and not depends_on(first, node)
        for addition in additions
        for first, corrected in addition.both_ways
        if first.kind != "input"
    )


def _is_named_like_a_skip(block: Call, point: Point) -> bool:
    own, variables = words_in(type(block.module).__name__), _words_read(point)
    if (own | variables) & _GATE_WORDS:
        return False
    return bool(own & _BLOCK_WORDS or variables & _SKIP_WORDS)


def _words_read(point: Point) -> frozenset[str]:
    """The words of the variables that an operation reads."""
    return frozenset(word for name in names_read_by(node_at(point)) for word in words_in(name))


def _is_rest(point: Point) -> bool:
    """Whether this is `residual = residual - x`, as in every step of residual quantization."""
    statement = statement_at(point)
    rebound = names_bound_by(statement) & names_read_by(node_at(point)) if statement is not None else frozenset()
    return any(words_in(name) & _SKIP_WORDS for name in rebound)
