"""Who sets which environment variable: the container's base, the layers, the merge."""
