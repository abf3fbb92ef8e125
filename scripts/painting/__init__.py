"""A small paint box: procedural noise, a bristle brush with thick paint, and the scenes painted with them.

Everything here is numpy, scipy and Pillow; a scene is a function of nothing (its seed is fixed), so the same
versions of those libraries paint the same picture again.
"""
