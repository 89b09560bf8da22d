"""Families of quantised weights, one file each: which tensors belong together, and how they are decoded.

A family is a function of one tensor, the codes, and what stands around it. It claims the codes with all their
companions as one weight, with a recipe or with a clause that says why there is none, or passes.
"""
