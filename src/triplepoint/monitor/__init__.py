"""Watching a training loop: the same numbers as a scan, while the run can still be stopped."""
