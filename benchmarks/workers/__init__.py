"""One process a tool. These run in the peers' environments too: standard library, NumPy and the tool, nothing else."""
