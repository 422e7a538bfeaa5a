"""`resnet-lint trace`: the shapes in a model, stage by stage, as a table and as drawings."""
