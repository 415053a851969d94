"""Fuzzing of every decoder that reads L1: what may happen stands in `targets`, who drives it in `__main__`."""
