"""
`optimism_` methods: what a rollup node says of its derivation (specs, rollup-node.md), in op-node's JSON.

Numbers here are JSON numbers, hashes are hex. L1 blocks that are not known yet are zeroed, as op-node gives them.
"""

from l1_bridge.output_root import OUTPUT_VERSION_0, compute_output_root

from .backend import Backend
from .block_lookup import get_number
from .errors import MethodNotFound, ResourceNotFound
from .formatters import Json, data, format_l1_ref, format_l2_ref
from .method import Method, Runs, method
from .parameters import NumberReference, read_number_reference, required


def sync_status(backend: Backend) -> object:
    """Heads of L1 and L2 as this node's derivation knows them."""
    heads = backend.chain.heads
    l1 = backend.l1_progress
    unsafe, safe = format_l2_ref(heads.unsafe), format_l2_ref(heads.safe)
    finalized_l1 = format_l1_ref(None if l1 is None else l1.finalized_l1)
    return {
        "current_l1": format_l1_ref(None if l1 is None else l1.current_l1),
        "current_l1_finalized": finalized_l1,
        "head_l1": format_l1_ref(None if l1 is None else l1.head_l1),
        "safe_l1": format_l1_ref(None if l1 is None else l1.safe_l1),
        "finalized_l1": finalized_l1,
        "unsafe_l2": unsafe,
        "safe_l2": safe,
        "finalized_l2": format_l2_ref(heads.finalized),
        "pending_safe_l2": safe,
        "cross_unsafe_l2": unsafe,
        "local_safe_l2": safe,
        "queued_unsafe_l2": format_l2_ref(None),
    }


def output_at_block(backend: Backend, number: NumberReference) -> object:
    """The output root of a block and what it is made of."""
    height = get_number(backend, number)
    block, ref = backend.chain.block(height), backend.chain.ref(height)
    if block is None or ref is None:
        raise ResourceNotFound("block")
    header = block.header
    output = compute_output_root(header.state_root, header.withdrawals_root, block.hash)
    answer: Json = {
        "version": data(OUTPUT_VERSION_0),
        "outputRoot": data(output),
        "blockRef": format_l2_ref(ref),
        "withdrawalStorageRoot": data(header.withdrawals_root),
        "stateRoot": data(header.state_root),
        "syncStatus": sync_status(backend),
    }
    return answer


def rollup_config(backend: Backend) -> object:
    """The rollup config that this node follows, in the format of `rollup.json`."""
    if backend.rollup is None:
        raise MethodNotFound("optimism_rollupConfig")
    return backend.rollup.to_json()


def version(backend: Backend) -> object:
    """Version of this program."""
    return backend.settings.client_version


METHODS: tuple[Method, ...] = (
    method("optimism_syncStatus", sync_status, runs=Runs.ON_LOOP),
    method("optimism_outputAtBlock", output_at_block, required("block", read_number_reference)),
    method("optimism_rollupConfig", rollup_config, runs=Runs.ON_LOOP),
    method("optimism_version", version, runs=Runs.ON_LOOP),
)
