"""Runners of fixtures and of blocks of mainnet."""
