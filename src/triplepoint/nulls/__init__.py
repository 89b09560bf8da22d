"""What a matrix without learning looks like: Marchenko–Pastur and the simulated same-shape table."""

from triplepoint.nulls.compare import P_FLOOR, alpha_null, bulk_null
from triplepoint.nulls.false_discovery import discoveries
from triplepoint.nulls.settings import BULKS, KINDS, LEVEL, NullSettings

__all__ = ["BULKS", "KINDS", "LEVEL", "P_FLOOR", "NullSettings", "alpha_null", "bulk_null", "discoveries"]
