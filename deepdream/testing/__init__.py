"""Testing a mode: offline and within seconds, as strict as the command line.

`run_mode` runs one on tiny pictures, `assert_mode_conforms` holds it to the contract. For fixtures, put
`pytest_plugins = ["deepdream.testing.fixtures"]` into conftest.py. Importing this loads no TensorFlow.
"""

from deepdream.testing.benches import Bench, tiny_network, vgg16
from deepdream.testing.conformance import CHECKS, assert_mode_conforms
from deepdream.testing.running import picture, run_mode

__all__ = ["CHECKS", "Bench", "assert_mode_conforms", "picture", "run_mode", "tiny_network", "vgg16"]
