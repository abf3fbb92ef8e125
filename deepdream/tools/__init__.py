"""The commands that are no modes."""
