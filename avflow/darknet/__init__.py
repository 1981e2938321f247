"""Darknet's files: the network in a .cfg, the numbers in a .weights, and both as ONNX."""
