"""`python -m resnet_lint` is `resnet-lint`."""

from .front.cli import main

main(prog_name="resnet-lint")
