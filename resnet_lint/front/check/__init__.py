"""`resnet-lint check`."""
