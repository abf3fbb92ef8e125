"""Jobs as data, and what they leave on the disk."""
