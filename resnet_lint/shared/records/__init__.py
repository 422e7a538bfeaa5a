"""The frozen records that travel between front and worker."""
