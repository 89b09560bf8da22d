"""Keras archives and weight files: layers, names and layouts from the configuration."""
