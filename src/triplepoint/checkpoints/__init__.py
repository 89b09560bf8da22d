"""Bytes → named tensors, lazily; one format a module behind the `Reader` protocol.

```
opening ─┬─ huggingface ─┬─ safetensors ── safetensors_header    files, shards (`shards`), index, folder, `configs`
         │               └─ torch       files ── structure ⇢ child: unpickling, tensors, states
         ├─ gguf         files ─┬─ header, types       ├─ onnx    files ─┬─ wire, graph, records
         │                      ├─ names … dialects    │                 ├─ follow, roles, scales, names
         │                      └─ values              │                 └─ external, values, codes
         ├─ keras        files ── archive, config, layers, names … ── hdf5  structure ⇢ child, values
         ├─ numpy_files ── npy_header, zips
         ├─ memory       nn.Module, state dict, dict of arrays
         └─ formats      which file is what; what cannot be read, and the way out
```
All files become a `stored.FileReader` over `mapped` bytes; ⇢ is a process of its own (`isolated`).
`limits` holds every bound on what a file may ask for, `files` the only ways a path is opened.
"""

from triplepoint.checkpoints.opening import open
from triplepoint.checkpoints.reader import Reader

__all__ = ["Reader", "open"]
