"""`net_` and `web3_` methods: which network this is, and what program answers."""

from contracts.keccak import keccak

from .backend import Backend
from .formatters import data, quantity
from .method import Method, Runs, method
from .parameters import read_data, required


def version(backend: Backend) -> object:
    """Network id: the chain id in decimal digits."""
    return str(backend.chain.rules.chain_id)


def listening(backend: Backend) -> object:
    """True: the node answers."""
    return True


def peer_count(backend: Backend) -> object:
    """Zero: the node has no peer-to-peer network; blocks come from the sequencer and from L1."""
    return quantity(0)


def client_version(backend: Backend) -> object:
    """Name and version of this program."""
    return backend.settings.client_version


def sha3(backend: Backend, value: bytes) -> object:
    """Keccak-256 of the given bytes."""
    return data(keccak(value))


METHODS: tuple[Method, ...] = (
    method("net_version", version, runs=Runs.ON_LOOP),
    method("net_listening", listening, runs=Runs.ON_LOOP),
    method("net_peerCount", peer_count, runs=Runs.ON_LOOP),
    method("web3_clientVersion", client_version, runs=Runs.ON_LOOP),
    method("web3_sha3", sha3, required("data", read_data)),
)
