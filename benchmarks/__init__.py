"""Measures triplepoint against its peers, against the machine and against its own goals: `python -m benchmarks`.

No test asserts a time; what is measured here is printed, with the machine it was measured on.
"""
