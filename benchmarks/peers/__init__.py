"""The other programs: how the same work is written by hand in PyTorch, TensorFlow and Keras."""
