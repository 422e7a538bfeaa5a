"""Calls that have a function of the script run elsewhere."""

from __future__ import annotations

import ast

import pytest

from resnet_lint.worker.build.launchers import launched, launches


def made(text: str) -> str | None:
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    direct = launched(call, {"train", "launch"})
    return None if direct is None else ast.unparse(direct)


@pytest.mark.parametrize(
    ("call", "direct"),
    [
        ("mp.spawn(train, args=(2, options), nprocs=2)", "train(0, 2, options)"),
        ("spawn(train, [options])", "train(0, options)"),
        ("mp.spawn(fn=train)", "train(0)"),
        ("mp.Process(target=train, args=(rank, 2), kwargs={'lr': 0.1})", "train(rank, 2, lr=0.1)"),
        ("notebook_launcher(train, (options,), num_processes=2)", "train(options)"),
        ("engine.launch(train, 8, args=(options,))", "train(options)"),
        ("fire.Fire(train)", "train()"),
        ("typer.run(train)", "train()"),
        ("wandb.agent(sweep, function=train, count=5)", "train()"),
        ("wandb.agent(sweep, train)", "train()"),
    ],
)
def test_the_call_that_a_launcher_makes(call: str, direct: str) -> None:
    assert made(call) == direct


@pytest.mark.parametrize(
    "call",
    [
        "mp.spawn(other.train, args=(2,))",
        "mp.spawn(test, args=(2,))",
        "mp.spawn(train, args=options)",
        "mp.spawn(train, args=(*options,))",
        "launch(train, 8)",  # a function of the script
        "app.run(train)",
        "model.apply(train)",
        "DataLoader(data, collate_fn=train)",
    ],
)
def test_other_calls_stay(call: str) -> None:
    assert made(call) is None


def test_a_loop_that_starts_processes() -> None:
    loop = "for rank in range(2):\n    p = Process(target=train, args=(rank,))\n    ps.append(p)"
    assert launches(ast.parse(loop), {"train"})
    assert not launches(ast.parse(loop), {"test"})
