"""triplepoint: which layers have learned too little, which are right, which have memorised, and how sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triplepoint.compare import distances, intra
    from triplepoint.edit.running import edit_checkpoint
    from triplepoint.generalization import generalization_metrics as generalization_metrics
    from triplepoint.generalization import landscape as landscape
    from triplepoint.monitor.monitor import Monitor
    from triplepoint.records import Scan
    from triplepoint.scanning import scan
    from triplepoint.store import open_run

__version__ = "0.1.0"
# `generalization_metrics` and `landscape` are not among them: a star import must not need torch.
__all__ = ["Scan", "__version__", "distances", "edit_checkpoint", "intra", "open_run", "scan"]


def __getattr__(name: str) -> Any:
    # NumPy and SciPy cost 0.2 s at import; `triplepoint --help` must not pay for them.
    if name == "scan":
        from triplepoint.scanning import scan

        return scan
    if name in ("generalization_metrics", "landscape"):
        try:
            import torch  # noqa: F401
        except ImportError:
            from triplepoint.errors import MissingDependency

            raise MissingDependency(
                name, "torch is not installed", "Run: pip install 'triplepoint[torch]'"
            ) from None
        from triplepoint import generalization

        return getattr(generalization, name)
    if name in ("distances", "intra"):
        from triplepoint import compare

        return getattr(compare, name)
    if name == "edit_checkpoint":
        from triplepoint.edit.running import edit_checkpoint

        return edit_checkpoint
    if name == "open_run":
        from triplepoint.store import open_run

        return open_run
    if name == "Monitor":
        from triplepoint.monitor.monitor import Monitor

        return Monitor
    if name == "Scan":
        from triplepoint.records import Scan

        return Scan
    raise AttributeError(f"module 'triplepoint' has no attribute {name!r}")
