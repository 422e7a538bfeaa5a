"""`python -m resnet_lint` runs `resnet-lint`."""

from .front.cli import main

main(prog_name="resnet-lint")
