"""Named tensors → plans → matrices: `plan` from headers alone, `tie` against doubles, `form` the values.

`rules` is the table that says what becomes of a tensor; every tensor that is left out has a reason.
"""

from triplepoint.matrices.forming import ReadPart, form, load, put, stored_index
from triplepoint.matrices.initial import Initial
from triplepoint.matrices.overrides import Overrides, overrides_of
from triplepoint.matrices.planning import plan
from triplepoint.matrices.ties import tie

__all__ = [
    "Initial",
    "Overrides",
    "ReadPart",
    "form",
    "load",
    "overrides_of",
    "plan",
    "put",
    "stored_index",
    "tie",
]
