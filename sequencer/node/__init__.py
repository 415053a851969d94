"""Composition: the one place where implementations are chosen, and where services are run and stopped in order."""
