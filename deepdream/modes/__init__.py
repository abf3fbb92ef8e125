"""Modes: declaring, finding, checking and guarding them."""
