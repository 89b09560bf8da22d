"""triplepoint: which layers have learned too little, which are right, which have memorised, and how sure."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from triplepoint.showing import SHOWN_BY

if TYPE_CHECKING:
    from triplepoint.compare import distances, intra
    from triplepoint.edit.running import edit_checkpoint
    from triplepoint.generalization import generalization_metrics as generalization_metrics
    from triplepoint.generalization import landscape as landscape
    from triplepoint.monitor.monitor import Monitor
    from triplepoint.page.writing import write_report
    from triplepoint.records import Scan
    from triplepoint.scanning import scan
    from triplepoint.store import open_run

__version__ = "0.1.0"
# `generalization_metrics` and `landscape` are not among them: a star import must not need torch.
__all__ = [
    "Monitor",
    "Scan",
    "__version__",
    "distances",
    "edit_checkpoint",
    "intra",
    "open_run",
    "scan",
    "write_report",
]

_HOMES = {
    "Monitor": "monitor.monitor",
    "Scan": "records",
    "distances": "compare",
    "edit_checkpoint": "edit.running",
    "generalization_metrics": "generalization",
    "intra": "compare",
    "landscape": "generalization",
    "open_run": "store",
    "scan": "scanning",
    "write_report": "page.writing",
}
# Records lie below the rooms that show them; their names meet here.
SHOWN_BY |= {
    ("Scan", "plot"): "triplepoint.figures.plots:ScanPlots",
    ("Scan", "html"): "triplepoint.figures.scan_html:scan_html",
    ("Run", "plot"): "triplepoint.figures.plots:RunPlots",
    ("Run", "html"): "triplepoint.figures.run_html:run_html",
}
_NEED_TORCH = ("generalization_metrics", "landscape")


def __getattr__(name: str) -> Any:
    # NumPy and SciPy cost 0.2 s at import; `triplepoint --help` must not pay for them.
    if name not in _HOMES:
        raise AttributeError(f"module 'triplepoint' has no attribute {name!r}")
    if name in _NEED_TORCH:
        try:
            import torch  # noqa: F401
        except ImportError:
            from triplepoint.errors import MissingDependency

            raise MissingDependency(
                name, "torch is not installed", "Run: pip install 'triplepoint[torch]'"
            ) from None
    return getattr(import_module(f"triplepoint.{_HOMES[name]}"), name)
