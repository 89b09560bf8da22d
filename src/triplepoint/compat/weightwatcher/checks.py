"""The methods that need no model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher import layers, table
from triplepoint.compat.weightwatcher.parameters import problem
from triplepoint.compat.weightwatcher.vectors import columns_of_vector
from triplepoint.errors import UsageError


class Checks:
    """Of vectors, parameters and names."""

    compat: str | None

    def vector_metrics(self, vectors: Any = None, params: Any = None) -> Any:  # noqa: ARG002
        """Length, entropy, localization and participation of one vector, a list of them or the rows of a matrix."""
        if not self.valid_vectors(vectors):
            raise UsageError(
                f"vectors of type {type(vectors).__name__}", "no NumPy vectors", "Pass one or a list"
            )
        given = list(self.iterate_vectors(vectors))
        for vector in given:
            if vector.ndim != 1 or not vector.size or vector.dtype.kind not in "biuf":
                found = f"one of shape {vector.shape} and type {vector.dtype}"
                raise UsageError("vectors", found, "Pass vectors of numbers, or a matrix of such rows")
            if not np.all(np.isfinite(vector)):
                raise UsageError("vectors", "an entry is NaN or infinite", "Leave such vectors out")
        return table.pandas().DataFrame(
            [columns_of_vector(vector, legacy=self.compat is not None) for vector in given]
        )

    def iterate_vectors(self, vectors: Any) -> Iterator[Any]:
        """One vector, those of a list, or the rows of a matrix."""
        yield from vectors_of(vectors)

    @staticmethod
    def valid_vectors(vectors: Any) -> bool:
        """Whether these are NumPy vectors."""
        many = vectors if isinstance(vectors, list) else [vectors]
        return all(isinstance(one, np.ndarray) for one in many)

    @staticmethod
    def valid_params(params: Mapping[str, Any]) -> bool:
        """Whether parameters of `constants.DEFAULT_PARAMS` go together; the reason is a warning where they do not."""
        try:
            wrong = problem(params)
        except TypeError as error:  # a text where a number is compared
            wrong = f"a value of another type: {error}"
        if wrong is not None:
            warnings.warn(wrong, UserWarning, stacklevel=2)
        return wrong is None

    @staticmethod
    def infer_framework(model: Any) -> str:
        """One of `constants.FRAMEWORK`."""
        return layers.framework_of(model)

    @staticmethod
    def valid_framework(framework: str) -> bool:
        """Whether models of this kind can be opened."""
        return framework in vars(c.FRAMEWORK).values() and framework != c.FRAMEWORK.UNKNOWN

    @staticmethod
    def layer_type_from_str(str_type: str) -> str:
        """One of `constants.LAYER_TYPE`."""
        return str_type if str_type in (c.NORM, c.DENSE, c.CONV1D, c.CONV2D) else c.UNKNOWN


def vectors_of(given: Any) -> list[Any]:
    """One vector, a list of vectors or the rows of a matrix."""
    if isinstance(given, np.ndarray):
        return list(given) if given.ndim > 1 else [given]
    return list(given)
