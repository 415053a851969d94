"""op-node and op-geth beside a devnet: `make conformance`."""
