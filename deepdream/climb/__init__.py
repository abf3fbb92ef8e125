"""The climb: gradient ascent on pixels, its settings, its plan and its loop."""
