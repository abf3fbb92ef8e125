"""A mode as a command: pictures in, pictures out."""
