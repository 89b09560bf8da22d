"""Bytes → named tensors, lazily; one file a format behind the `Reader` protocol."""
