"""The worker's side of `resnet-lint trace`: knows torch, and turns a recorded forward into plain records."""
