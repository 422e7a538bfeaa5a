"""`resnet-lint trace`: the shapes through a model, stage by stage, as a table and as pictures."""
