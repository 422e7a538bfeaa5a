"""`resnet-lint scan`: many repositories, on an engine that exists. dask is imported by `dask_engine.py` only."""
