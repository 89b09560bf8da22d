"""What a watcher holds, and how its arguments become parameters and opened models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triplepoint.asked import word
from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher import layers
from triplepoint.compat.weightwatcher.layers import Model, open_model
from triplepoint.compat.weightwatcher.parameters import WEIGHTWATCHER, Parameters, parameters_of
from triplepoint.errors import UsageError


class Opening:
    """A model, perhaps its base, and whose numbers are wanted."""

    def __init__(
        self,
        model: Any = None,
        framework: str | None = None,  # noqa: ARG002
        base_model: Any = None,
        log_level: int | None = None,  # noqa: ARG002
        *,
        compat: str | None = None,
        seed: int = 0,
    ) -> None:
        self.compat = None if compat is None else word("compat", compat, (WEIGHTWATCHER,))
        self.seed = seed
        self.model = model
        self.base_model = base_model
        self.details: Any = None
        self.results: Any = None

    def __repr__(self) -> str:
        return f"WeightWatcher(compat={self.compat!r}), analysis done: {self.details is not None}"

    @property
    def framework(self) -> str | None:
        """What the model is, one of `constants.FRAMEWORK`; None without a model."""
        return None if self.model is None else layers.framework_of(self.model)

    def _parameters(self, given: Mapping[str, Any]) -> Parameters:
        return parameters_of(
            {"max_N": c.DEFAULT_MAX_N, **given}, legacy=self.compat is not None, seed=self.seed
        )

    def _opened(self, model: Any, base_model: Any, parameters: Parameters) -> tuple[Model, Model | None]:
        """The model and, if there is one, its base; both are remembered as WeightWatcher remembers them."""
        if model is not None:
            self.model = model
        if self.model is None:
            raise UsageError("analyze", "no model was given", "Pass WeightWatcher(model=…)")
        base = self.base_model if base_model is None else base_model
        return open_model(self.model, parameters.start_ids), None if base is None else open_model(base)


def of_params(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of WeightWatcher's `params` says which layers there are and how they are decomposed."""
    names = {c.MIN_EVALS: "min_evals", c.MAX_EVALS: "max_evals", c.MAX_N: "max_N", c.POOL: "pool"}
    names |= {c.START_IDS: "start_ids", c.SVD_METHOD: "svd_method", c.CONV2D_NORM: "conv2d_norm"}
    return {name: params[key] for key, name in names.items() if params is not None and key in params}
