"""The methods that look at one layer, or at one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from triplepoint.compat.weightwatcher import esds
from triplepoint.compat.weightwatcher.layers import Layer, Model
from triplepoint.compat.weightwatcher.opening import Opening, of_params
from triplepoint.compat.weightwatcher.parameters import Parameters


class Layers(Opening):
    """Eigenvalues, matrices and modules by layer."""

    def get_ESD(
        self,
        model: Any = None,
        layer: int | str | None = None,
        random: bool = False,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """Eigenvalues of one layer by id or name, ascending, as `analyze` fits them; of a shuffle with `random`.

        With compat="weightwatcher" those of kernels are twice as large, as there. UsageError for an unknown layer.
        """
        opened, parameters, one = self._one(model, layer, params)
        return esds.eigenvalues(opened, parameters, one, random=random)

    def get_Weights(
        self, model: Any = None, layer: int | str | None = None, params: Mapping[str, Any] | None = None
    ) -> list[Any]:
        """The matrices of one layer as stored: one, or one a kernel position."""
        opened, parameters, one = self._one(model, layer, params)
        return esds.matrices_of(opened, parameters, one)

    def get_framework_layer(
        self, model: Any = None, layer: int | str | None = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """The module of one layer, or the name of its key for anything else."""
        opened, _, one = self._one(model, layer, params)
        if hasattr(opened.given, "get_submodule"):
            return opened.given.get_submodule(one.path)
        return one.longname

    def make_layer_iterator(
        self,
        model: Any = None,
        layers: Any = (),
        params: Mapping[str, Any] | None = None,
        base_model: Any = None,
    ) -> Iterator[esds.LoopLayer]:
        """The layers with their matrices, one in memory at a time."""
        parameters = self._parameters({**of_params(params), "layers": layers})
        opened, base = self._opened(model, base_model, parameters)
        return esds.looped(opened, parameters, base)

    def make_delta_layer_iterator(
        self, base_model: Any, model: Any = None, filters: Any = (), params: Mapping[str, Any] | None = None
    ) -> Iterator[esds.LoopLayer]:
        """The layers with the differences of their matrices to those of the same name in `base_model`."""
        return self.make_layer_iterator(model, filters, params, base_model)

    def _one(
        self, model: Any, layer: int | str | None, params: Mapping[str, Any] | None
    ) -> tuple[Model, Parameters, Layer]:
        parameters = self._parameters(of_params(params))
        opened, _ = self._opened(model, None, parameters)
        return opened, parameters, esds.layer_named(opened, layer)
