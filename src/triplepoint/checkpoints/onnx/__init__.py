"""ONNX models as weights: the graph without its values, names, orientation and scales from the operators."""
