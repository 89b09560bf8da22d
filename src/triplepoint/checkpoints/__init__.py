"""Bytes → named tensors, lazily; one file a format behind the `Reader` protocol.

```
opening ─┬─ huggingface ── safetensors ── safetensors_header     .safetensors, index, folder
         ├─ numpy_files                                          .npy, .npz
         ├─ memory                                               nn.Module, state dict, dict of arrays
         └─ formats                                              what cannot be read, and the way out
```
`limits` holds every bound on what a file may ask for, `files` the only ways a path is opened.
"""

from triplepoint.checkpoints.opening import open
from triplepoint.checkpoints.reader import Reader

__all__ = ["Reader", "open"]
