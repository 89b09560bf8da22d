"""One number along a run: slopes, change points, first crossings, each with its uncertainty."""
