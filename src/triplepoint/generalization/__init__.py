"""Metrics of a whole network that need more than its weights: data, initial weights, a forward pass. Needs torch.

```
api ─┬─ request      what was asked, checked
     ├─ copies       the network is copied; the caller's is never touched
     ├─ folding      batch normalisation into the layer before it
     ├─ passes ── batches, outputs, private     one pass over the data: loss, accuracy, margins
     ├─ evidence ─┬─ weights ── spectra         norms and distances of the counted tensors
     │            ├─ convolutions               the same as circular maps
     │            ├─ paths ── path_mode, path_norms, path_rules    f_{w²}(1)
     │            └─ tolerances ── search, noise, legacy           the noise that the loss bears
     └─ result ── scaling
```
"""

from triplepoint.generalization.api import generalization_metrics
from triplepoint.generalization.result import GeneralizationMetrics

__all__ = ["GeneralizationMetrics", "generalization_metrics"]
