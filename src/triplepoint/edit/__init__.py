"""Copies of a checkpoint with spectra changed: components kept or dropped, noise shrunk away, traps removed."""
