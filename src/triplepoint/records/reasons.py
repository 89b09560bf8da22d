"""The closed list of codes that say why something is missing, each with the sentence the user reads.

A code stands wherever a number could not be given: on a tensor that was left out, on a matrix that failed,
on a metric without a value. `None` with a code is the only way to say "failed"; a number never is.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a tensor was left out, a matrix failed or a metric has no value."""

    # tensors that are left out
    vector = "vector"
    integer = "integer"
    complex = "complex"
    unsupported_dtype = "unsupported_dtype"
    quantized = "quantized"
    empty = "empty"
    tied = "tied"
    not_a_weight = "not_a_weight"
    unsupported_rank = "unsupported_rank"
    single_channel = "single_channel"
    stacked_experts = "stacked_experts"
    recurrent = "recurrent"
    adapter = "adapter"
    filtered = "filtered"
    interrupted = "interrupted"
    # matrices that fail
    non_finite = "non_finite"
    all_zero = "all_zero"
    unreadable = "unreadable"
    out_of_memory = "out_of_memory"
    not_converged = "not_converged"
    extreme_scale = "extreme_scale"
    internal_error = "internal_error"
    # metrics without a value
    too_few_eigenvalues = "too_few_eigenvalues"
    degenerate_tail = "degenerate_tail"
    needs_precise = "needs_precise"
    undefined = "undefined"
    outside_null_table = "outside_null_table"
    pooled_slices = "pooled_slices"
    low_rank = "low_rank"
    not_an_adapter = "not_an_adapter"
    not_in_init = "not_in_init"
    no_counterpart = "no_counterpart"
    other_shape = "other_shape"
    other_kind = "other_kind"
    # metrics of a whole network without a value
    no_init = "no_init"
    not_classification = "not_classification"
    negative_margin = "negative_margin"
    too_few_samples = "too_few_samples"
    no_path_norm = "no_path_norm"
    overflow = "overflow"
    no_tolerance = "no_tolerance"
    no_room = "no_room"
    no_effect = "no_effect"
    forward_failed = "forward_failed"
    not_differentiable = "not_differentiable"
    not_positive = "not_positive"
    no_mixup = "no_mixup"
    # trajectories without a number
    too_few_points = "too_few_points"
    not_reached = "not_reached"
    unbounded = "unbounded"
    no_change = "no_change"

    # matrices that an edit leaves as they are
    nothing_to_edit = "nothing_to_edit"
    not_editable = "not_editable"

    @property
    def sentence(self) -> str:
        """What happened and, where there is something to do, what to do next."""
        return _SENTENCES[self]


_SENTENCES: dict[Reason, str] = {
    Reason.vector: "A tensor with fewer than two dimensions has no spectrum.",
    Reason.integer: "Integers are codes or indices, not weights; dequantise the checkpoint first.",
    Reason.complex: "Complex weights are not supported; split them into real and imaginary parts.",
    Reason.unsupported_dtype: "This element type is not supported; convert the checkpoint to a float type.",
    Reason.quantized: "Quantised codes of a scheme that is not decoded; scan the checkpoint before quantisation.",
    Reason.empty: "The tensor has no elements.",
    Reason.tied: "The same weights are already counted under another name.",
    Reason.not_a_weight: "A buffer or statistic, not a trained weight matrix.",
    Reason.unsupported_rank: "The number of dimensions does not say how to form a matrix; scan the nn.Module.",
    Reason.single_channel: "A single output channel: each kernel position is one row and has no spectrum.",
    Reason.stacked_experts: "Nothing says which axis of the stacked experts is the input; name it with --layout.",
    Reason.recurrent: "The gates of this recurrent weight cannot be told apart; name them with --layout.",
    Reason.adapter: "A factor of an adapter without its partner, or of a kind whose product is not formed.",
    Reason.filtered: "Left out by the layer filter.",
    Reason.interrupted: "The scan was interrupted before this matrix; run it again for the rest.",
    Reason.non_finite: "The tensor contains NaN or infinity; the layer is broken or the file is damaged.",
    Reason.all_zero: "Every entry is zero; the layer was never written or was pruned away.",
    Reason.unreadable: "The bytes of this tensor could not be read.",
    Reason.out_of_memory: "The matrix did not fit in memory; lower --workers or use a larger machine.",
    Reason.not_converged: "The eigenvalue iteration did not converge; try --mode exact.",
    Reason.extreme_scale: "The eigenvalues leave the range of float64; rescale the tensor.",
    Reason.internal_error: "A fault in triplepoint itself; please report it with the tensor's shape and type.",
    Reason.too_few_eigenvalues: "Fewer than 8 resolved eigenvalues: no tail can be fitted.",
    Reason.degenerate_tail: "The eigenvalues are so equal that no power law can be fitted.",
    Reason.needs_precise: "Single precision does not resolve the small eigenvalues; use --mode precise.",
    Reason.undefined: "The formula has no value for this matrix.",
    Reason.outside_null_table: "No simulated null exists for this shape.",
    Reason.pooled_slices: "The null of pooled kernel slices is not tabulated; see the slice rows.",
    Reason.low_rank: "The same-shape null does not hold for a product of two factors.",
    Reason.not_an_adapter: "The null of products is for adapters; use --null signflip, shuffle or gaussian.",
    Reason.not_in_init: "The initial weights have no matrix of this id and shape.",
    Reason.no_counterpart: "The other checkpoint has no tensor of this id.",
    Reason.other_shape: "The tensor of this id has another shape in the other checkpoint.",
    Reason.other_kind: "One is a product of two factors, the other a matrix; merge the adapter first.",
    Reason.no_init: "It needs the weights before training; pass init.",
    Reason.not_classification: "Margins need targets that are class indices and one logit for each class.",
    Reason.negative_margin: "The margin is not positive: too many samples are classified wrongly.",
    Reason.too_few_samples: "Too few samples for this quantile of the margins.",
    Reason.no_path_norm: "The network does something that no sum over paths of weights describes.",
    Reason.overflow: "The number leaves the range of float64.",
    Reason.no_tolerance: "The least weight noise that was tried raises the loss by more than the target.",
    Reason.no_room: "The accuracy is so near to guessing that no weight noise can lower it by the target.",
    Reason.no_effect: "No weight noise changed the loss at all: the forward pass does not use the weights.",
    Reason.forward_failed: "The network could not be run the way this metric needs.",
    Reason.not_differentiable: "The loss cannot be differentiated by the weights, or not as often as this needs.",
    Reason.not_positive: "The number is not positive and has no logarithm.",
    Reason.no_mixup: "Inputs that are indices, or no tensors with a row for each sample, cannot be mixed.",
    Reason.too_few_points: "Too few measured points of the trajectory; measure at more steps.",
    Reason.not_reached: "The level is not reached within the steps that were measured.",
    Reason.unbounded: "The steps that were measured do not bound it on this side.",
    Reason.no_change: "No change of level is shown.",
    Reason.nothing_to_edit: "It has nothing of what the edit is about, or nothing else: left as it is.",
    Reason.not_editable: "These values cannot be written back as they are stored: left as it is.",
}
