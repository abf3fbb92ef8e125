"""Deep Dream and neural style: gradient ascent on the pixels of a picture."""

__version__ = "0.1.0"
