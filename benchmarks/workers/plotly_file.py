"""In plotly's environment: arrays of a run → one HTML file that needs no network.

python -m benchmarks.workers.plotly_file DATA.npz OUT.html
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def main(data: str, out: str) -> None:
    """Scalars above, α of every layer below them, the map of phases last."""
    import plotly.graph_objects as go  # type: ignore[import-not-found, unused-ignore]
    from plotly.subplots import make_subplots  # type: ignore[import-not-found, unused-ignore]

    arrays: Any = np.load(data)
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, row_heights=[0.25, 0.35, 0.4])
    for key in arrays.files:
        if key.startswith("scalar:"):
            points = arrays[key]
            figure.add_trace(go.Scattergl(x=points[:, 0], y=points[:, 1], name=key[7:]), row=1, col=1)
    for number, name in enumerate(arrays["names"]):
        points = arrays[f"alpha:{number}"]
        line = go.Scattergl(x=points[:, 0], y=points[:, 1], name=str(name), showlegend=False)
        figure.add_trace(line, row=2, col=1)
    names = [str(name) for name in arrays["names"]]
    figure.add_trace(go.Heatmap(x=arrays["grid"], y=names, z=arrays["phases"], showscale=False), row=3, col=1)
    figure.update_layout(height=1200, template="plotly_white")
    figure.write_html(out, include_plotlyjs=True, post_script="performance.mark('drawn');")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
