"""The worker's side of `resnet-lint trace`: turns a recorded forward pass into records that do not need torch."""
