"""`resnet-lint explain`: from a pasted traceback to the finding behind it."""
