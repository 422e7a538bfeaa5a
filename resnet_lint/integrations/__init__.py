"""resnet-lint inside other tools: pytest, IPython and Jupyter, Lightning. Each module needs only its own tool."""
