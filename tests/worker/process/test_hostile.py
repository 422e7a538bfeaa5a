"""Files that do harm, bounded so that a failing test costs little, and three good files: one run checks them all."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# The code runs during the import, in the constructor, or in forward().
FILE = """
import atexit, builtins, ctypes, inspect, multiprocessing, os, re, shutil, signal, socket, sqlite3, subprocess
import sys, tempfile, threading, time
import torch
from torch import nn

libc = ctypes.CDLL(None)
outside, tcp, udp = OUTSIDE, TCP, UDP


def loop():
    until = time.monotonic() + 30
    while time.monotonic() < until:
        pass


def recurse(depth=0):
    return recurse(depth + 1)


class Net(nn.Module):
    on_import

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        in_constructor

    def forward(self, x):
        in_forward
        return self.conv(x) + x
"""

MARK = "RESNET_LINT_TEST_OF_HOSTILE_FILES"
OPTIONS = ("--isolated", "--no-cache", "--timeout", "4", "--jobs", "4", "--format", "json")
NOT_DONE = "it is not done after 4 s"
REFUSED = "resnet-lint blocks "

# What the file does, and the expected message.
ON_IMPORT = {
    "an endless loop": ("loop()", NOT_DONE),
    "a long sleep": ("time.sleep(30)", NOT_DONE),
    "a loop in C": ("re.match('(a+)+$', 'a' * 40 + 'b')", NOT_DONE),
    "an ignored alarm": ("signal.signal(signal.SIGALRM, signal.SIG_IGN); loop()", NOT_DONE),
    "a stopped process": ("os.kill(os.getpid(), signal.SIGSTOP)", NOT_DONE),
    "threads without end": ("[threading.Thread(target=loop).start() for _ in '1234']; loop()", NOT_DONE),
    "exit": ("sys.exit(3)", "it exits during the import (exit code 3)"),
    "a sudden exit": ("os._exit(4)", "it ends the interpreter (exit code 4)"),
    "an interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "abort": ("libc.abort()", "it ends the interpreter (killed by signal 6)"),
    "a segfault": ("ctypes.string_at(0)", "it ends the interpreter (killed by signal 11)"),
    "a kill": ("os.kill(os.getpid(), signal.SIGKILL)", "it ends the interpreter (killed by signal 9)"),
    "16 TB": ("blob = bytearray(1 << 44)", "MemoryError: it takes more than half of the machine's memory"),
    "16 TB of zeros": ("zeros = torch.zeros(1 << 44)", "it takes more than half of the machine's memory"),
    "a huge temporary file": ("tempfile.TemporaryFile().truncate(1 << 40)", "File too large"),
    "a lot of output": ("[sys.stdout.write('x' * 10**6) for _ in range(100)]", "it prints more than 20 MB"),
    "a lot of output from C": ("[libc.write(2, bytes(10**6), 10**6) for _ in range(100)]", "it prints more than 20 MB"),
    "deep recursion": ("recurse()", "RecursionError"),
    "a gigantic message": ("raise ValueError('x' * 50_000_000)", "ValueError: xxx"),
    "a message that is no text": ("raise ValueError('\\udcff\\x1b[31m')", "ValueError: "),
    "a connection": ("socket.create_connection(tcp, 1)", REFUSED + "using the network"),
    "a datagram": ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', udp)", REFUSED + "using the network"),
    "a program": ("subprocess.run(['touch', outside + '/new'])", REFUSED + "starting another process"),
    "a shell": ("os.system(f'touch {outside}/new')", REFUSED + "starting another process"),
    "a spawned process": (
        "multiprocessing.get_context('spawn').Process(target=print).start()",
        REFUSED + "starting another process",
    ),
    "many forks": ("[os.fork() or os._exit(0) for _ in range(20)]", REFUSED + "starting another process"),
    "a kill of its parent": ("os.kill(os.getppid(), signal.SIGKILL)", REFUSED + "sending a signal to another process"),
    "a kill of all": ("os.kill(-1, signal.SIGCONT)", REFUSED + "sending a signal to another process"),
    "a file that is written": ("open(outside + '/new', 'w')", REFUSED + "writing "),
    "a file that is emptied": ("os.truncate(outside + '/precious', 0)", REFUSED + "writing "),
    "a file that is removed": ("os.remove(outside + '/precious')", REFUSED + "writing "),
    "a file that is moved": ("shutil.move(outside + '/precious', tempfile.gettempdir())", REFUSED + "writing "),
    "a folder that is removed": ("shutil.rmtree(outside)", REFUSED + "writing "),
    "saved weights": ("torch.save({}, outside + '/new')", REFUSED + "writing "),
    "a database": ("sqlite3.connect(outside + '/new')", REFUSED + "writing "),
    "closed files": ("os.closerange(0, 1000)", "it closes or writes to open files that are not its own"),
    "garbage in all files": (
        "for number in range(3, 100):\n        try: os.write(number, b'garbage\\n')\n        except OSError: pass",
        "it closes or writes to open files that are not its own",
    ),
    "no builtins": ("builtins.isinstance = None", "it breaks the interpreter that checks it"),
    "no torch": ("sys.modules['torch'] = None", "import of torch halted"),
    "another torch": ("torch.is_tensor = torch.Tensor.size = None", "'NoneType' object is not callable"),
    "no signatures": ("inspect.signature = None", "it replaces inspect.signature, which resnet-lint needs"),
}  # fmt: skip
IN_CONSTRUCTOR = {
    "exit in the constructor": ("sys.exit(5)", "SystemExit: 5"),
    "a loop in the constructor": ("loop()", "not done after"),
    "a download in the constructor": ("socket.create_connection(tcp, 1)", REFUSED + "using the network"),
}
IN_FORWARD = {
    "a sudden exit in forward": ("os._exit(6)", "it ends the interpreter (exit code 6)"),
    "a file written in forward": ("open(outside + '/new', 'w')", REFUSED + "writing "),
}
# Errors that the file catches are reported too.
SWALLOWED = {
    "a connection, error ignored": ("socket.create_connection(tcp, 1)", "using the network"),
    "a file, error ignored": ("open(outside + '/new', 'w')", "writing "),
    "a finalizer": ("type('', (), {'__del__': lambda self: open(outside + '/new', 'w')})()", "writing "),
    "a program, error ignored": ("os.system(f'touch {outside}/new')", "starting another process"),
}


def file(on_import: str = "pass", in_constructor: str = "pass", in_forward: str = "pass") -> str:
    text = FILE.replace("on_import", on_import).replace("in_constructor", in_constructor)
    return text.replace("in_forward", in_forward)


CYCLE = "from {0} import {0}\nfrom torch import nn\n\n\nclass {1}(nn.Module): ...\n"
LEFT_BEHIND = """
        atexit.register(open, outside + "/new", "w")
        threading.Thread(target=time.sleep, args=[30]).start()
"""
OTHERS = {
    "hen": CYCLE.format("egg", "hen"),
    "egg": CYCLE.format("hen", "egg"),
    "sound": file(),
    "broken": file().replace("nn.Conv2d(3, 3, 1)", "nn.Conv2d(3, 5, 1)"),
    "busy": file(in_constructor=LEFT_BEHIND.strip()),
}


def sources() -> Iterator[tuple[str, str]]:
    yield from ((name, file(on_import=does)) for name, (does, _) in ON_IMPORT.items())
    yield from ((name, file(in_constructor=does)) for name, (does, _) in IN_CONSTRUCTOR.items())
    yield from ((name, file(in_forward=does)) for name, (does, _) in IN_FORWARD.items())
    for name, (does, _) in SWALLOWED.items():
        yield name, file(in_constructor=f"try: {does}\n        except Exception: pass")
    yield from OTHERS.items()


def says() -> dict[str, str]:
    cases = ON_IMPORT | IN_CONSTRUCTOR | IN_FORWARD | SWALLOWED
    cycle = {name: f"ImportError: cannot import name '{name}'" for name in ("hen", "egg")}
    return {name: said for name, (_, said) in cases.items()} | cycle


@pytest.fixture
def servers() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP and a UDP server that must not receive anything."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        yield tcp, udp
        for listen in (tcp.accept, lambda: udp.recv(1)):
            tcp.setblocking(False)
            udp.setblocking(False)
            with pytest.raises(BlockingIOError):
                listen()


def running() -> set[str]:
    """The processes that come from this run, however they have detached themselves."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if MARK.encode() in (process / "environ").read_bytes():
                found.add(process.name)
    return found


# One test, because a fixture would be set up again by each process of pytest-xdist.
@pytest.mark.slow
def test_hostile_files_do_no_harm(tmp_path: Path, servers: tuple[socket.socket, socket.socket]) -> None:
    models, outside, temporary = (tmp_path / name for name in ("models", "outside", "temporary"))
    for folder in (models, outside, temporary):
        folder.mkdir()
    (outside / "precious").write_text("not to be lost")
    places = {"OUTSIDE": str(outside), "TCP": servers[0].getsockname(), "UDP": servers[1].getsockname()}
    for name, source in sources():
        for word, place in places.items():
            source = source.replace(word, repr(place))
        (models / f"{name.replace(' ', '_')}.py").write_text(source)

    done = subprocess.run(
        [sys.executable, "-m", "resnet_lint", *OPTIONS, str(models)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), MARK: "1"},
        input="yes\n" * 1000,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert (done.returncode, done.stderr) == (1, "")
    report = json.loads(done.stdout)
    found: dict[str, dict[str, str]] = {name: {} for name, _ in sources()}
    for finding in report["findings"]:
        found[Path(finding["path"]).stem.replace("_", " ")][finding["rule"]] = finding["message"]
    unsaid = {
        name: found[name] for name, said in says().items() if not any(said in value for value in found[name].values())
    }
    assert unsaid == {}
    assert {name: list(found[name]) for name in ("sound", "broken", "busy")} == {
        "sound": [],
        "broken": ["RL101"],
        "busy": [],
    }
    checked = {Path(module["target"]).name for module in report["modules"] if module["status"] == "checked"}
    assert checked == {f"{name.replace(' ', '_')}.py::Net" for name in ("sound", "broken", "busy", *SWALLOWED)}

    assert [path.name for path in outside.iterdir()] == ["precious"]
    assert (outside / "precious").read_text() == "not to be lost"
    assert list(temporary.iterdir()) == []
    assert running() == set()
