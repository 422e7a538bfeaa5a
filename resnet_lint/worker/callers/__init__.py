"""The other files of a project that construct a file's classes, and so say with what arguments and inputs."""
