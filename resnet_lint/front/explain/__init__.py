"""`resnet-lint explain`: finds the cause of a shape error in a traceback."""
