"""Pictures and films: reading, writing, colours, sizes; no network."""
