"""JSON-RPC over HTTP: what wallets, dApp backends, batchers and verifiers ask the node, and the loopback admin port."""
