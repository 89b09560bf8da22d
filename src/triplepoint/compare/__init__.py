"""Checkpoints and matrices beside each other: distances between two models, spectra of consecutive layers."""

from triplepoint.compare.distances import distances
from triplepoint.compare.intra import intra

__all__ = ["distances", "intra"]
