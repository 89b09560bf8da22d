"""Checkpoints and matrices beside each other: distances between two models, spectra of consecutive layers."""

from triplepoint.compare.distances import distances

__all__ = ["distances"]
