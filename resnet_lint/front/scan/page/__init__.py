"""The page about a scan: `resnet-lint report`."""
