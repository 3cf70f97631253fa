"""Results on disk: formats, written and read."""
