"""Measurements of deepdream beside other programs that do the same work: `python -m benchmarks`."""
