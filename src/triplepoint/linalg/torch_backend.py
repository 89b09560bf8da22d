"""The GPU backend: panels are sent to a torch device, which forms the Gram matrix and decomposes it there.

TF32 is refused for the length of a product, because user code often switches it on and its 10-bit mantissa would
move every eigenvalue in the fourth digit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.errors import MissingDependency, UsageError

Array = np.ndarray[Any, Any]


class TorchBackend:
    """`torch.linalg.eigvalsh` on one device; needs `triplepoint[torch]`."""

    name = "torch"

    def __init__(self, device: str) -> None:
        try:
            import torch
        except ImportError:
            raise MissingDependency(
                f"device {device!r}", "torch is not installed", "Run: pip install 'triplepoint[torch]'"
            ) from None
        try:
            self._device = torch.device(device)
            torch.zeros(1, device=self._device)
        except (RuntimeError, AssertionError) as error:
            line = str(error).strip().splitlines()[0]
            raise UsageError(f"device {device!r}", line, "Leave out --device to compute on the CPU") from None
        self._torch = torch

    def zeros(self, n: int, dtype: np.dtype[Any]) -> Any:
        """See `Backend`."""
        return self._torch.zeros((n, n), dtype=getattr(self._torch, dtype.name), device=self._device)

    def accumulate(self, gram: Any, panel: Array, *, tall: bool) -> Any:
        """See `Backend`; the panel is copied, because its buffer is reused while the device still works."""
        block = self._torch.from_numpy(panel.copy()).to(self._device)
        matmul = self._torch.backends.cuda.matmul
        before, matmul.allow_tf32 = matmul.allow_tf32, False
        try:
            return gram.addmm_(block.T, block) if tall else gram.addmm_(block, block.T)
        finally:
            matmul.allow_tf32 = before

    def eigenvalues(self, gram: Any) -> tuple[Array, str]:
        """See `Backend`."""
        values = self._torch.linalg.eigvalsh(gram).double().cpu().numpy()
        return values, f"{self._device.type}-eigvalsh"
