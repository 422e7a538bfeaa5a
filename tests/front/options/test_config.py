"""[tool.resnet-lint]: where it is found, valid values, and precedence of the command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_lint.front.options.configuration import load
from resnet_lint.front.options.settings import OPTIONS, Settings
from resnet_lint.shared.errors import ConfigError, UsageError
from resnet_lint.shared.notation import DTYPES, check_inputs, parse_input


def write(folder: Path, body: str, name: str = "pyproject.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"[tool.resnet-lint]\n{body}\n")
    return folder / name


def test_every_option(tmp_path: Path) -> None:
    body = """
        exclude = ["old/"]
        select = ["RL1"]
        ignore = ["RL103"]
        fail-on = "never"
        timeout = 5
        format = "json"
        output = "report.json"
        statistics = true
        verbose = true
        quiet = true
        rules = ["my_rules"]
        input = ["x=2x3x8x8"]
        call = "Net()"
    """
    write(tmp_path, body)
    assert load({}, cwd=tmp_path) == Settings(
        root=tmp_path,
        file=tmp_path / "pyproject.toml",
        exclude=("old/",),
        select=("RL1",),
        ignore=("RL103",),
        fail_on="never",
        timeout=5.0,
        format="json",
        output=tmp_path / "report.json",
        statistics=True,
        verbose=True,
        quiet=True,
        rules=(tmp_path / "my_rules",),
        input=("x=2x3x8x8",),
        call="Net()",
    )


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load({}, cwd=tmp_path) == Settings(root=tmp_path)


def test_the_nearest_file_with_a_section_counts(tmp_path: Path) -> None:
    write(tmp_path, "timeout = 1")
    write(tmp_path / "a", "timeout = 2")
    (tmp_path / "a/b").mkdir()
    (tmp_path / "a/b/pyproject.toml").write_text("[project]\nname = 'x'\n")
    settings = load({}, cwd=tmp_path / "a/b")
    assert (settings.timeout, settings.root) == (2.0, tmp_path / "a")


def test_the_command_line_wins(tmp_path: Path) -> None:
    write(tmp_path, "timeout = 1\nselect = ['RL1']")
    settings = load({"select": ("RL2",)}, cwd=tmp_path)
    assert (settings.timeout, settings.select) == (1.0, ("RL2",))


def test_the_command_line_switches_off_what_the_file_switches_on(tmp_path: Path) -> None:
    write(tmp_path, "verbose = true\nstatistics = true")
    settings = load({"verbose": False}, cwd=tmp_path)
    assert (settings.verbose, settings.statistics) == (False, True)


@pytest.mark.parametrize(("one", "other"), [("fix", "diff"), ("verbose", "quiet")])
def test_of_two_opposites_the_command_line_decides(one: str, other: str, tmp_path: Path) -> None:
    for set_here, in_file in ((one, other), (other, one)):
        write(tmp_path, f"{in_file} = true")
        settings = load({set_here: True}, cwd=tmp_path)
        assert (getattr(settings, set_here), getattr(settings, in_file)) == (True, False)
        assert getattr(load({set_here: False}, cwd=tmp_path), in_file)


def test_every_field_that_a_user_may_set_is_an_option() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)} - {"root", "file", "given"}
    assert {name.replace("-", "_") for name in OPTIONS} == fields


def test_isolated_reads_nothing(tmp_path: Path) -> None:
    write(tmp_path, "nonsense = 1")
    assert load({}, cwd=tmp_path, isolated=True) == Settings(root=tmp_path)


def test_config_names_another_file(tmp_path: Path) -> None:
    write(tmp_path, "timeout = 1")
    other = write(tmp_path / "ci", "timeout = 2", "lint.toml")
    assert load({}, cwd=tmp_path, config=other).timeout == 2.0


def test_a_file_of_our_own_has_its_keys_at_the_top_and_comes_first(tmp_path: Path) -> None:
    write(tmp_path, "timeout = 1")
    own = tmp_path / "resnet-lint.toml"
    own.write_text("timeout = 2\n[per-file-ignores]\n'old/' = ['RL1']\n")
    settings = load({}, cwd=tmp_path)
    assert (settings.timeout, settings.file, settings.per_file_ignores) == (2.0, own, (("old/", ("RL1",)),))
    inner = write(tmp_path / "inner", "timeout = 3")
    assert load({}, cwd=inner.parent).timeout == 3.0  # the nearest counts
    own.write_text("selct = []\n")
    with pytest.raises(ConfigError, match=r"resnet-lint.toml: resnet-lint.toml has an unknown key 'selct'"):
        load({}, cwd=tmp_path)


def test_config_and_isolated_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be combined"):
        load({}, cwd=tmp_path, config=write(tmp_path, ""), isolated=True)


def test_a_section_spelled_with_an_underscore(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.resnet_lint]\ntimeout = 5\n")
    with pytest.raises(ConfigError, match=r"must be spelled \[tool.resnet-lint\]"):
        load({}, cwd=tmp_path)


def test_a_named_file_needs_the_section(tmp_path: Path) -> None:
    for name, text in (("pyproject.toml", ""), ("other.toml", "[tool.ruff]")):
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError, match="no section"):
            load({}, cwd=tmp_path, config=tmp_path / name)
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load({}, cwd=tmp_path, config=tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("selct = []", "unknown key 'selct'; did you mean 'select'?"),
        ("fail_on = 'error'", "unknown key 'fail_on'; did you mean 'fail-on'?"),
        ("allow = ['netwrk']", "allow in [tool.resnet-lint]: 'netwrk' must be one of network, subprocess, or a path"),
        ("allow = 'network'", "must be a list of strings"),
        ("zzzzzz = 1", "unknown key 'zzzzzz'; valid keys are allow, baseline, cache, cache-url, call"),
        ("select = 'RL1'", "select in [tool.resnet-lint]: 'RL1' must be a list of strings"),
        ("exclude = [1]", "[1] must be a list of strings"),
        ("timeout = true", "True must be a positive number of seconds"),
        ("timeout = 0", "0 must be a positive number of seconds"),
        ("timeout = inf", "inf must be a positive number of seconds"),
        ("timeout = nan", "nan must be a positive number of seconds"),
        ("verbose = 1", "1 must be true or false"),
        (
            "format = 'xml'",
            "'xml' must be one of text, concise, github, gitlab, json, junit",
        ),
        ("fail-on = ['error']", "['error'] must be one of error, warning, info, never"),
        ("call = ''", "'' must be a string"),
        ("input = ['x=2y']", "input in [tool.resnet-lint]: invalid input 'x=2y'; expected NAME=SHAPE"),
        ("timeout =", "invalid TOML"),
    ],
)
def test_a_wrong_configuration_names_the_file_and_what_is_right(body: str, message: str, tmp_path: Path) -> None:
    file = write(tmp_path, body)
    with pytest.raises(ConfigError) as caught:
        load({}, cwd=tmp_path)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)


def test_a_section_that_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool]\nresnet-lint = 1\n")
    with pytest.raises(ConfigError, match="no section"):
        load({}, cwd=tmp_path)


shapes = st.lists(st.integers(1, 10**6), min_size=1, max_size=6)
names = st.text(min_size=1, max_size=8).filter(str.isidentifier)


@given(name=names, shape=shapes, dtype=st.none() | st.sampled_from(DTYPES))
def test_an_input_that_is_written_right_comes_back(name: str, shape: list[int], dtype: str | None) -> None:
    text = f"{name}={'x'.join(map(str, shape))}" + (f":{dtype}" if dtype else "")
    assert parse_input(text) == (name, tuple(shape), dtype)


@given(text=st.text(alphabet="x=:0123456789ab ²٣-+.,", max_size=12) | st.text(max_size=12))
def test_an_input_is_either_parsed_or_a_usage_error(text: str) -> None:
    try:
        name, shape, dtype = parse_input(text)
    except UsageError:
        return
    assert text == f"{name}={'x'.join(map(str, shape))}" + (f":{dtype}" if dtype else "")
    assert min(shape) >= 1


@pytest.mark.parametrize(
    "text", ["", "x", "x=", "=2x3", "x=2x", "x=0x3", "x=-1", "x=2x3:", "x=2X3", "x=2x3:long", "1=2"]
)
def test_a_wrong_input(text: str) -> None:
    with pytest.raises(UsageError):
        parse_input(text)


def test_the_nearest_dtype_is_named() -> None:
    with pytest.raises(UsageError, match="did you mean float32"):
        parse_input("x=2:flot32")


def test_an_input_is_given_once() -> None:
    with pytest.raises(UsageError, match="given twice"):
        check_inputs(("x=2", "x=3"))
