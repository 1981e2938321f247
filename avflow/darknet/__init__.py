"""Darknet's files: the network in a .cfg, the numbers in a .weights, and both as ONNX."""

from pathlib import Path

#: the .cfg of the models that the project declares, COCO's class names, and a picture with a person on it
DATA = Path(__file__).with_name("data")
