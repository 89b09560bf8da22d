"""GGUF files of llama.cpp: header, names of the originals, blocks decoded by the package `gguf`."""
