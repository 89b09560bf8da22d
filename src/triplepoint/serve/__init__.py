"""The live page: read-only HTTP and server-sent events over a folder of runs."""
