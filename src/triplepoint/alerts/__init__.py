"""Rules over trajectories, one a file, found by membership in this folder."""
