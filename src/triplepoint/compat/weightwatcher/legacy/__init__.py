"""The numbers of WeightWatcher 0.7.7, its known errors included: pure functions, one file a family.

Used by `compat="weightwatcher"` alone. Each docstring says which error it keeps; docs/weightwatcher.md lists them.
"""
