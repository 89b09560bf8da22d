"""Checkpoints and matrices beside each other: distances between two models, spectra of consecutive layers."""

from triplepoint.compare.checkpoint_distances import distances
from triplepoint.compare.consecutive import intra

__all__ = ["distances", "intra"]
