"""Every layer of torch, by its class and by its file: the same ids, and the same numbers wherever a file tells.

What a file cannot tell is written here: which three dimensions are a kernel unless the name says `conv`, which kernels
are transposed (their slices then lie on the other side: rows and columns change places, no number does), and which
tables are embeddings unless the name says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from triplepoint import scan
from triplepoint.records import MatrixRow, Scan

torch = pytest.importorskip("torch")
nn = torch.nn

LAYERS: dict[str, Callable[[], Any]] = {
    "linear": lambda: nn.Linear(12, 9),
    "conv1d": lambda: nn.Conv1d(8, 9, 3),
    "conv1d in groups": lambda: nn.Conv1d(16, 24, 3, groups=2),
    "conv1d depthwise": lambda: nn.Conv1d(12, 12, 3, groups=12),
    "conv2d": lambda: nn.Conv2d(8, 9, 3),
    "conv2d in groups": lambda: nn.Conv2d(16, 24, 3, groups=2),
    "conv2d depthwise": lambda: nn.Conv2d(12, 24, 3, groups=12),
    "conv2d of grey images": lambda: nn.Conv2d(1, 12, 3),
    "conv2d with one output": lambda: nn.Conv2d(12, 1, 3),
    "conv2d with one position": lambda: nn.Conv2d(12, 10, 1),
    "conv3d": lambda: nn.Conv3d(8, 9, 2),
    "conv3d depthwise": lambda: nn.Conv3d(12, 12, 2, groups=12),
    "depthwise transposed": lambda: nn.ConvTranspose2d(12, 12, 3, groups=12),
    "transposed to one channel": lambda: nn.ConvTranspose2d(12, 1, 3),
    "transposed from one channel": lambda: nn.ConvTranspose2d(1, 12, 3),
    "attention": lambda: nn.MultiheadAttention(16, 2),
    "attention of other keys": lambda: nn.MultiheadAttention(16, 2, kdim=9, vdim=10),
    "lstm": lambda: nn.LSTM(9, 16, proj_size=8, bidirectional=True),
    "gru": lambda: nn.GRU(9, 8),
    "encoder": lambda: nn.TransformerEncoderLayer(16, 2, 32),
    "decoder": lambda: nn.TransformerDecoderLayer(16, 2, 32),
    "norms": lambda: nn.ModuleList(
        [nn.BatchNorm2d(9), nn.LayerNorm([9, 8]), nn.PReLU(9), nn.InstanceNorm1d(9)]
    ),
    "adaptive softmax": lambda: nn.AdaptiveLogSoftmaxWithLoss(16, 40, [10, 20]),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Conv1d(8, 9, 3)),
    "spectral norm": lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(8, 9)),
}


def routes(layer: Any, name: str) -> tuple[Scan, Scan]:
    """By its class, and as names and arrays alone."""
    torch.manual_seed(0)
    model = nn.ModuleDict({name: layer()})
    return scan(model), scan({key: value.numpy() for key, value in model.state_dict().items()})


def row(found: MatrixRow) -> tuple[Any, ...]:
    return (
        found.kind,
        found.shape,
        found.reason,
        found.detail,
        found.counted,
        found.phase,
        dict(found.metrics),
    )


@pytest.mark.parametrize("name", LAYERS)
def test_a_file_gives_what_the_module_gives(name: str) -> None:
    module, file = routes(LAYERS[name], "conv")
    assert {found.id: row(found) for found in module.matrices} == {
        found.id: row(found) for found in file.matrices
    }


TRANSPOSED: dict[str, Callable[[], Any]] = {
    "one axis": lambda: nn.ConvTranspose1d(8, 9, 3),
    "two axes": lambda: nn.ConvTranspose2d(8, 9, 3),
    "two axes in groups": lambda: nn.ConvTranspose2d(16, 24, 3, groups=2),
    "depthwise with two outputs each": lambda: nn.ConvTranspose2d(12, 24, 3, groups=12),
    "three axes": lambda: nn.ConvTranspose3d(8, 9, 2),
}


@pytest.mark.parametrize("name", TRANSPOSED)
def test_a_transposed_convolution_has_its_numbers_by_either_route(name: str) -> None:
    module, file = routes(TRANSPOSED[name], "upconv")
    assert [found.id for found in module.matrices] == [found.id for found in file.matrices]
    for one, other in zip(module.matrices, file.matrices, strict=True):
        if one.shape is not None and other.shape is not None:
            assert one.shape == other.shape[::-1]
            assert (one.kind, one.counted, one.phase) == (other.kind, other.counted, other.phase)
            present = {metric: value for metric, value in one.metrics.items() if value is not None}
            assert {metric: other.metrics[metric] for metric in present} == pytest.approx(present, rel=1e-10)
        assert one.reason == other.reason


@pytest.mark.parametrize("layer", [lambda: nn.Conv1d(8, 9, 3), lambda: nn.ConvTranspose1d(8, 9, 3)])
def test_three_dimensions_without_a_name_are_known_by_their_class_alone(layer: Callable[[], Any]) -> None:
    module, file = routes(layer, "mix")
    assert module["mix.weight"].kind == "conv1d"
    assert file["mix.weight"].reason == "unsupported_rank"
    assert "--layout" in str(file["mix.weight"].detail)


def test_a_bilinear_layer_is_left_out_by_either_route() -> None:
    module, file = routes(lambda: nn.Bilinear(9, 8, 10), "mix")
    assert module["mix.weight"].reason == file["mix.weight"].reason == "unsupported_rank"


@pytest.mark.parametrize("layer", [lambda: nn.Embedding(30, 9), lambda: nn.EmbeddingBag(30, 9)])
def test_a_table_without_a_name_is_an_embedding_by_its_class_with_the_same_numbers(
    layer: Callable[[], Any],
) -> None:
    module, file = routes(layer, "table")
    assert (module["table.weight"].kind, file["table.weight"].kind) == ("embedding", "dense")
    assert module["table.weight"].metrics == file["table.weight"].metrics
    named = routes(layer, "word_embeddings")
    assert {found["word_embeddings.weight"].kind for found in named} == {"embedding"}
