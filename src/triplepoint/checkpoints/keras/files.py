"""Keras checkpoints: `.keras` archives, whole models and weights in `.h5`, and any HDF5 file of numeric datasets.

No class is looked up, no model is built and Keras is not needed. Contiguous datasets, which Keras writes, are mapped
where they lie, also within the archive. The state of the optimizer is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from triplepoint.checkpoints.files import shown, unreadable
from triplepoint.checkpoints.hdf5 import structure as hdf5
from triplepoint.checkpoints.hdf5 import values as hdf5_values
from triplepoint.checkpoints.hdf5.structure import Dataset, Structure
from triplepoint.checkpoints.keras import archive as keras_archive
from triplepoint.checkpoints.keras import config as keras_config
from triplepoint.checkpoints.keras import int8 as keras_int8
from triplepoint.checkpoints.keras import layers as keras_layers
from triplepoint.checkpoints.keras.config import Layer
from triplepoint.checkpoints.keras.guess import Meaning
from triplepoint.checkpoints.keras.names import Names, Variable
from triplepoint.checkpoints.mapped import MappedFile
from triplepoint.checkpoints.stored import FileReader, Stored
from triplepoint.records import TensorInfo

_AGAIN = "Download or save it again."
MAX_ALIAS = 500
"""Names of layers within each other, taken 60 times for every variable, could outgrow the file many times."""


def open_file(source: str, path: Path) -> FileReader:
    """Either container, told apart by the first bytes. UnreadableCheckpoint; MissingDependency without h5py."""
    file = MappedFile(path, smallest=8)
    try:
        with keras_archive.weights(file) as found:
            structure = hdf5.structure(found.file.path, found.begin, found.size)
        text = found.config or structure.config.encode("utf-8", "surrogatepass")
        model = keras_config.read(text) if text else None
        tensors = list(_tensors(structure, model, found.file, found.begin, path))
    except ValueError as error:
        raise unreadable(source, str(error), _AGAIN) from None
    keras = model is not None or structure.keras or bool(structure.labels)
    config = {} if model is None else {"class_name": model.kind, "config": model.settings}
    return FileReader(source, "keras" if keras else "hdf5", config, tensors, [text])


def _tensors(
    structure: Structure, model: Layer | None, file: MappedFile, begin: int, path: Path
) -> Iterator[Stored]:
    """Every dataset in the order of the file, under its path."""
    names = Names(structure.labels, model, keras=structure.keras)
    datasets = {dataset.path: dataset for dataset in structure.datasets}
    if len(datasets) < len(structure.datasets):
        count = Counter(dataset.path for dataset in structure.datasets)
        raise hdf5.Hdf5Error(f"the dataset {shown(count.most_common(1)[0][0])} occurs twice")
    variables = {name: names.variable(name) for name in datasets if "seed_generator" not in name.split("/")}
    meanings = _meanings(variables, datasets, keras_config.modes(model))
    aliases = {name: _alias(name, variable, meanings[name]) for name, variable in variables.items()}
    count = Counter(aliases.values())
    for name in variables:
        dataset, meaning = datasets[name], meanings[name]
        values, decoded = hdf5_values.values(path, dataset), None
        if meaning.scale is not None:
            scale = datasets[meaning.scale]
            stored = partial(file.bytes, begin + scale.begin, begin + scale.end)
            found = keras_int8.values(path, dataset, scale, meaning.layout or "", stored)
            values, decoded = found or values, "F32" if found else None
        alias = aliases[name] if count[aliases[name]] == 1 else name.replace("/", ".")
        info = TensorInfo(
            name,
            dataset.dtype,
            dataset.shape,
            module=meaning.module,
            buffer=meaning.buffer,
            alias=alias if alias != name else None,
            layout=meaning.layout,
            decoded=decoded,
        )
        within = (begin + dataset.begin, begin + dataset.end) if values is not None else (0, 0)
        yield Stored(info, file if values is not None else None, *within, values, dataset.refusal)


def _meanings(
    variables: Mapping[str, Variable], datasets: Mapping[str, Dataset], modes: set[str]
) -> dict[str, Meaning]:
    """Of every variable by its path, with `scale` as a path too; layer by layer, since variables explain each other."""
    layers: dict[str, dict[str, str]] = {}
    for path, variable in variables.items():
        layers.setdefault(variable.group, {}).setdefault(variable.name, path)
    families = {tuple(owner.name for owner in variable.owners) for variable in variables.values()}
    # Of two that would have one name, `kernel` and `kernel:0`, only the first is understood.
    found = {path: Meaning(path.rpartition("/")[2]) for path in variables}
    for paths in layers.values():
        first = variables[next(iter(paths.values()))]
        owners = first.owners
        beside = (*(owner.name for owner in owners[:-1]), "attention_output")
        for name, meaning in keras_layers.meanings(
            owners,
            {name: datasets[path].shape for name, path in paths.items()},
            numbered=first.numbered,
            attention=beside in families,
            codes=_codes([datasets[path] for path in paths.values()], modes),
        ).items():
            scale = paths[meaning.scale] if meaning.scale is not None else None
            found[paths[name]] = replace(meaning, scale=scale)
    return found


def _codes(layer: Sequence[Dataset], modes: set[str]) -> str:
    """How the weights of a layer are quantised: `int8` only where that is all the configuration speaks of."""
    if not any(dataset.dtype in ("I8", "U8") and len(dataset.shape) > 1 for dataset in layer):
        return ""
    return "int8" if modes == {"int8"} else "other"


def _alias(path: str, variable: Variable, meaning: Meaning) -> str:
    owners = [owner.name for owner in variable.owners] or variable.group.split("/")
    alias = ".".join([*filter(None, owners), meaning.name])
    return alias if len(alias) <= MAX_ALIAS else path.replace("/", ".")
