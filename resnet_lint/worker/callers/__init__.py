"""Finds and loads other files of a project that construct the classes of a file, for their arguments and inputs."""
