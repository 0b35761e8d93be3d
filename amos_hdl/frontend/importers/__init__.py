"""Files of trained models in: ONNX and QONNX as data, PyTorch programs; each module imports what it needs alone."""
