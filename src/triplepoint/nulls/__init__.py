"""What a matrix without learning looks like: Marchenko–Pastur and the simulated same-shape table."""

from triplepoint.nulls.compare import P_FLOOR, alpha_null, bulk_null
from triplepoint.nulls.false_discovery import discoveries

__all__ = ["P_FLOOR", "alpha_null", "bulk_null", "discoveries"]
