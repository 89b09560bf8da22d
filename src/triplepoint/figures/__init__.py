"""Figures as matplotlib objects, and what scans and runs show in a notebook."""
