"""Tracebacks as loggers, launchers and notebooks print them, and as people paste them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resnet_lint.front.explain.traceback_text import cleaned, failing_statement, frames_in
from resnet_lint.front.explain.wordings import explain_last

MESSAGE = "The size of tensor a (128) must match the size of tensor b (64) at non-singleton dimension 1"
PLAIN = f"""\
Traceback (most recent call last):
  File "/home/me/models/train.py", line 40, in <module>
    loss = model(x)
  File "/usr/lib/python3.12/site-packages/torch/nn/modules/module.py", line 1553, in _wrapped_call_impl
    return self._call_impl(*args, **kwargs)
  File "/home/me/models/net.py", line 15, in forward
    out = out + x
          ~~~~^~~
RuntimeError: {MESSAGE}
"""
REPLICA = f"""\
Traceback (most recent call last):
  File "train.py", line 133, in <module>
    logits = model(x)
  File "/usr/lib/python3.12/site-packages/torch/_utils.py", line 395, in reraise
    raise self.exc_type(msg)
RuntimeError: Caught RuntimeError in replica 0 on device 0.
Original {PLAIN}"""
JUPYTER = f"""\
RuntimeError                              Traceback (most recent call last)
Cell In[3], line 40
---> 40 loss = model(x)

File [~/models/net.py:15](http://localhost:8888/lab/tree/~/models/net.py#line=14), in Net.forward(self, x)
     14     out = self.conv(x)
---> 15     out = out + x

RuntimeError: {MESSAGE}
"""
HTML = f"""\
<pre><span class="ansi-red-fg">RuntimeError</span>            Traceback (most recent call last)
<span class="ansi-green-fg">~/models/net.py</span> in <span class="ansi-cyan-fg">forward</span><span>(self, x)</span>
<span class="ansi-green-intense-fg ansi-bold">     14</span>         out <span class="ansi-blue-fg">=</span> conv(x)
<span class="ansi-green-fg">---&gt; 15</span>         out <span class="ansi-blue-fg">=</span> out + x
<span class="ansi-red-fg">RuntimeError</span>: {MESSAGE}</pre>
"""
PYTEST = f"""\
    def forward(self, x):
        out = self.conv(x)
>       out = out + x
E       RuntimeError: {MESSAGE}

models/net.py:15: RuntimeError
"""


def each_line(prefix: Callable[[int], str]) -> str:
    return "".join(f"{prefix(number)}{line}\n" for number, line in enumerate(PLAIN.splitlines()))


TEXTS = {
    "plain": PLAIN,
    "torchrun": each_line(lambda number: "[rank0]: "),
    "torchrun --tee": each_line(lambda number: "[default0]:"),
    "a logger": each_line(lambda number: f"2024-01-05 10:11:{number + 10},{number}27 - ERROR - "),
    "Kubernetes": each_line(lambda number: f"2024-01-05T10:11:12.{number}Z stderr F "),
    "Ray": each_line(lambda number: "(RayTrainWorker pid=1234, ip=10.0.0.1) "),
    "MPI": each_line(lambda number: "[1,0]<stderr>:"),
    "a quotation": each_line(lambda number: "> "),
    "Markdown": "".join(f"`{line}`\n" for line in PLAIN.splitlines()),
    "without indentation": "".join(f"{line.strip()}\n" for line in PLAIN.splitlines()),
    "Windows": PLAIN.replace("/home/me/models/net.py", r"C:\me\models\net.py").replace("\n", "\r\n"),
    "colours": PLAIN.replace("out = out", "\x1b[0;31mout\x1b[0m = out"),
    "colours in JSON": PLAIN.replace("out = out", r"\u001b[0;31mout\u001b[0m = out"),
    "colours without escapes": PLAIN.replace("out = out", "[0;31mout[0m = out"),
    "DataParallel": REPLICA,
    "JupyterLab": JUPYTER,
    "HTML": HTML,
    "pytest": PYTEST,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_failing_line(text: str) -> None:
    text = cleaned(text)
    frame, explanation = frames_in(text)[-1], explain_last(text)
    assert explanation is not None
    assert (frame.parts[-2:], frame.line) == (("models", "net.py"), 15)
    assert (frame.statement or failing_statement(text, explanation.start)) == "out = out + x"


def test_a_traceback_in_one_line() -> None:
    frames = frames_in(" ".join(PLAIN.split()))
    assert [(frame.parts[-1], frame.line) for frame in frames] == [("train.py", 40), ("net.py", 15)]
