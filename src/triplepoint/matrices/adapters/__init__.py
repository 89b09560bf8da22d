"""Adapters: weight updates that are stored as two small factors.

`names` reads the role of a tensor from its name, `scaling` the number before the product from the configuration,
`pairing` makes one source of two factors.
"""

from triplepoint.matrices.adapters.pairing import group

__all__ = ["group"]
