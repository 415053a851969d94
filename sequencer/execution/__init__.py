"""Execution: ordered transactions in, receipts and state changes out; one interface, several engines, two rule sets."""
