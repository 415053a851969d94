"""Benchmarks of the parts of the node that decide how fast it is; `python -m bench` prints them side by side."""
