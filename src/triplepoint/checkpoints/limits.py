"""What a checkpoint may ask of this machine before any of its claims has been checked.

A file from a stranger may lie about everything but its size. Each number stands far above every real
checkpoint and far below what hurts.
"""

from __future__ import annotations

MAX_HEADER_BYTES = 100_000_000
"""Safetensors header; the limit of the `safetensors` package, so that both accept the same files."""

MAX_TENSORS = 1_000_000
"""Tensors of one checkpoint; a mixture of 384 experts in 61 layers, quantised, has about 200,000."""

MAX_NAME_BYTES = 4096
"""One tensor name as written in the header; real names stay under 200."""

MAX_ENTRY_BYTES = 4096
"""One header entry; 64 dimensions of 20 digits take 1,500."""

MAX_METADATA_BYTES = 16 * 2**20
"""Safetensors metadata that is kept for a copy; training settings and tag counts of an adapter take up to 1 MB."""

MAX_RANK = 64
"""Dimensions of one tensor; NumPy has no more."""

MAX_BYTES = 2**63 - 1
"""Bytes of one tensor; NumPy counts them in a signed 64-bit integer."""

MAX_INDEX_BYTES = 64 * 2**20
"""`*.safetensors.index.json`; 91,000 tensors of a 671-billion-parameter model take 9 MB."""

MAX_CONFIG_BYTES = 4 * 2**20
"""`config.json`; real ones stay under 100 kB, label lists included."""

MAX_JSON_BRACKETS = 10_000
"""Lists and objects in index or config: `[[],[],…` grows twentyfold in memory; names and numbers do not."""

MAX_NPY_HEADER_BYTES = 10_000
"""Header of one `.npy`; NumPy's own limit, above which parsing can exhaust the stack."""

MAX_ZIP_DIRECTORY_BYTES = 128 * 2**20
"""Central directory of an `.npz`: a million members of 128 bytes."""

MAX_INFLATION = 100
"""Uncompressed by compressed bytes of a large `.npz` member: trained weights reach 2, deflate 1,032."""

FREE_INFLATION_BYTES = 256 * 2**20
"""Members up to this size may inflate as they like: an all-zero layer is legitimate and harmless."""

MAX_INFLATED_BYTES = 64 * 2**30
"""One compressed `.npz` member when inflated; larger tensors belong in a format that can be mapped."""

MAX_GGUF_KEYS = 10_000
"""Keys of GGUF metadata; real files have 20 to 60."""

MAX_GGUF_TEXT_BYTES = 256
"""Longest text of GGUF metadata that is kept; names of architectures take 20, chat templates are stepped over."""

MAX_GGUF_ARRAYS = 10_000
"""Arrays in GGUF metadata, nested ones included; each costs a step of Python, real files have ten."""

MAX_GGUF_PARTS = 1_000
"""Parts of a split GGUF; each stays mapped and takes a file descriptor, real models have up to 100."""

MAX_ONNX_FIELDS = 1_000_000
"""Protobuf fields of an ONNX graph; 20,000 nodes, more than any published transformer, have about 250,000."""

MAX_ONNX_DEPTH = 100
"""Protobuf messages within messages; the limit of protobuf's own parsers."""

MAX_ONNX_FILES = 1_000
"""Files of external data; each stays mapped and takes a file descriptor, of which a process often has 1,024."""

MAX_HDF5_CHUNKS = 200_000
"""Chunks of one HDF5 file; a 10-GB dataset has about 20,000 where h5py chooses their size."""

MAX_HDF5_MEMORY = 2**30
"""Address space of the process that reads an HDF5 structure; 30 MB are used for 3,000 datasets, 150 reserved."""

MAX_HDF5_SECONDS = 20
"""Seconds for an HDF5 structure, and one more for each MiB of file up to 100; 20,000 datasets in 51 MB take 9."""

MAX_HDF5_ANSWER_BYTES = 128 * 2**20
"""Description of an HDF5 structure, and at most 1 MiB and four times the file; 320 datasets take 80 kB."""

MAX_KERAS_CONFIG_BYTES = 16 * 2**20
"""`config.json` or `model_config` of a Keras model; 35 layers take 44 kB."""

MAX_KERAS_CONFIG_BRACKETS = 500_000
"""Lists and objects in it; 35 layers have 500, and each costs 64 bytes or more where it may take two in the file."""
