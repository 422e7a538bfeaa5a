"""resnet-lint: finds skip connections that are wrong, before anything runs."""

__version__ = "0.1.0"

HOMEPAGE = "https://github.com/OWNER/resnet-lint"
