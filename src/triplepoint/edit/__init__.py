"""Copies of a checkpoint with spectra changed: components kept or dropped, noise shrunk away, traps removed.

Every matrix that the scan counts is changed: fused parts and experts one by one, kernel positions of a convolution
together, an adapter through its product. All else is copied byte for byte. Values are computed in float64 and rounded
once to the type that they are stored in; the change that is reported, ‖W' − W‖/‖W‖, holds that rounding. A tied tensor
follows its partner. A matrix for which the edit means nothing or everything stays as it is, with a reason.

The copy is written beside its name and read back by a second scan before it takes the name; the source is never
touched, nothing is overwritten, and where no matrix changes nothing is written (exit code 1). Source, edit, seed and
the number of changed matrices stand in the metadata under `triplepoint`.
"""
