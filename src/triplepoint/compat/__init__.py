"""Call surfaces of other tools on top of this toolkit: change one import and keep the code."""
