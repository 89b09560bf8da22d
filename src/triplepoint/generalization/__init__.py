"""Metrics of whole networks that need more than their weights: data, initial weights, a forward pass. Needs torch.

```
api ─┬─ request      what was asked, checked
     ├─ copies       the network is copied; the caller's is never touched
     ├─ folding      batch normalisation into the layer before it
     ├─ passes ── batches, outputs, private     one pass over the data: loss, accuracy, margins
     ├─ evidence ─┬─ weights ── spectra         norms and distances of the counted tensors
     │            ├─ convolutions               the same as circular maps
     │            ├─ paths ── path_mode, path_norms, path_rules    f_{w²}(1)
     │            ├─ tolerances ── search, noise, legacy           the noise that the loss bears
     │            └─ curvature ── second_order, differentiable     λ_max and trace of the Hessian
     └─ result ── scaling

two_networks ─┬─ between          a network on a path between two
              ├─ curves           a path that is trained
              ├─ similarity       CKA of outputs
              └─ landscapes       the result
```
"""

from triplepoint.generalization.api import generalization_metrics
from triplepoint.generalization.landscapes import Landscape
from triplepoint.generalization.result import GeneralizationMetrics
from triplepoint.generalization.two_networks import landscape

__all__ = ["GeneralizationMetrics", "Landscape", "generalization_metrics", "landscape"]
