"""
Makes the versions of a transaction: what is signed for an entry at some fees, and its network form.

A cancellation is a version too: nothing, sent to oneself. In the place of a blob
transaction it carries one empty blob, since a pool replaces a blob transaction only
by a blob transaction.
"""

import asyncio

from l1_bridge.fees import Fees
from l1_bridge.kzg import BLOB_BYTES
from l1_bridge.ledger import Entry, Version
from l1_bridge.outgoing import DynamicFeeTransaction, Sidecar, make_sidecar
from l1_bridge.signer import Signer

CANCEL_GAS = 21_000
"""A transfer of nothing to oneself."""


class VersionMaker:
    """Signs for one account on one chain."""

    def __init__(self, signer: Signer, chain_id: int) -> None:
        self._signer = signer
        self._chain_id = chain_id

    @property
    def address(self) -> bytes:
        """The account."""
        return self._signer.address

    async def make(self, entry: Entry, nonce: int, gas_limit: int, fees: Fees, *, has_cell_proofs: bool) -> Version:
        """
        The next version of `entry`, a cancellation when it is being cancelled; nothing is changed but its sidecar.

        Raises
        ------
        MalformedBlob
            A blob of the request is none.
        TemporaryError
            The signer is away.
        """
        request, is_cancel = entry.request, entry.is_cancelling
        sidecar = await self._sidecar(entry, is_cancel=is_cancel, has_cell_proofs=has_cell_proofs)
        transaction = DynamicFeeTransaction(
            chain_id=self._chain_id,
            nonce=nonce,
            priority_fee=fees.priority_fee,
            max_fee=fees.max_fee,
            gas_limit=CANCEL_GAS if is_cancel else gas_limit,
            to=self._signer.address if is_cancel else request.to,
            value=0 if is_cancel else request.value,
            data=b"" if is_cancel else request.data,
            max_blob_fee=fees.max_blob_fee,
            blob_hashes=() if sidecar is None else sidecar.blob_hashes,
        )
        return Version(fees, await self._signer.sign_transaction(transaction), is_cancel)

    async def network_form(self, entry: Entry, *, has_cell_proofs: bool) -> bytes:
        """What is handed to a node for the newest version."""
        newest = entry.versions[-1]
        sidecar = await self._sidecar(entry, is_cancel=newest.is_cancel, has_cell_proofs=has_cell_proofs)
        return newest.signed.encoded if sidecar is None else sidecar.wrap(newest.signed.encoded)

    async def _sidecar(self, entry: Entry, *, is_cancel: bool, has_cell_proofs: bool) -> Sidecar | None:
        """Blobs, commitments and proofs; kept with the entry, since making them takes a while."""
        if not entry.has_blobs:
            return None
        blobs = (bytes(BLOB_BYTES),) if is_cancel else entry.request.blobs
        held = entry.sidecar
        if held is None or held.blobs != blobs or held.has_cell_proofs is not has_cell_proofs:
            held = await asyncio.to_thread(make_sidecar, blobs, has_cell_proofs=has_cell_proofs)
            entry.sidecar = held
        return held
