"""web3.py on both sides of a devnet, and what the tests of the whole rollup do with it again and again."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.types import TransactionDictType
from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.logs import DISCARD
from web3.types import TxParams, TxReceipt

from contracts import abi, bytecode

from .devnet_process import DevnetProcess, wait_until

GWEI = 10**9
ETHER = 10**18
TRANSFER_GAS = 21_000
RECIPIENT = Web3.to_checksum_address("0x" + "b0" * 20)
"""An account that only receives."""

FACTORY = Web3.to_checksum_address("0x4200000000000000000000000000000000000012")
"""Makes tokens on L2 that stand for one of L1."""


@dataclass(frozen=True, slots=True)
class Clients:
    """One web3.py instance a node."""

    devnet: DevnetProcess
    l1: Web3
    l2: Web3
    replica: Web3

    def account(self, index: int) -> LocalAccount:
        """A funded account."""
        made: LocalAccount = Account.from_key(self.devnet.key(index))
        return made

    def l1_contract(self, name: str) -> Contract:
        """A contract of the bridge."""
        return contract_at(self.l1, self.devnet.contract(name), name)


@contextmanager
def connect(devnet: DevnetProcess) -> Iterator[Clients]:
    """Clients of a devnet; their connections are closed at the end."""
    with requests.Session() as session:
        urls = (devnet.text(key) for key in ("l1_rpc", "l2_rpc", "replica_rpc"))
        yield Clients(devnet, *(Web3(HTTPProvider(url, session=session)) for url in urls))


def send(web3: Web3, sender: LocalAccount, fields: Mapping[str, object]) -> bytes:
    """Sign with `sender`, send, and return the hash; nonce, chain id, fees and gas are filled in where they lack."""
    transaction: dict[str, object] = {
        "chainId": web3.eth.chain_id,
        "nonce": web3.eth.get_transaction_count(sender.address, "pending"),
        "value": 0,
        **fields,
    }
    if "gasPrice" not in transaction:
        transaction = {"maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": GWEI, **transaction}
    transaction.setdefault("gas", 300_000)
    signed = sender.sign_transaction(cast(TransactionDictType, transaction))  # eth-account checks every field
    return bytes(web3.eth.send_raw_transaction(signed.raw_transaction))


def receipt_of(web3: Web3, transaction_hash: bytes) -> TxReceipt:
    """The receipt, once the transaction stands in a sealed block."""

    def probe() -> TxReceipt | None:
        try:
            receipt = web3.eth.get_transaction_receipt(transaction_hash)  # type: ignore[arg-type]  # bytes serve
        except (TransactionNotFound, Web3RPCError):
            return None
        return receipt if any(receipt["blockHash"]) else None

    return wait_until(f"receipt of 0x{transaction_hash.hex()}", probe)


def send_and_wait(web3: Web3, sender: LocalAccount, fields: Mapping[str, object]) -> TxReceipt:
    """`send`, then `receipt_of`."""
    return receipt_of(web3, send(web3, sender, fields))


def deploy(web3: Web3, sender: LocalAccount, name: str, *arguments: object) -> Contract:
    """Deploy one of the example contracts."""
    factory = web3.eth.contract(abi=abi(name), bytecode=bytecode(name))
    creation = factory.constructor(*arguments).data_in_transaction
    receipt = send_and_wait(web3, sender, {"data": creation, "gas": 2_000_000})
    address = receipt["contractAddress"]
    assert receipt["status"] == 1
    assert address is not None
    return contract_at(web3, address, name)


def contract_at(web3: Web3, address: ChecksumAddress | str, name: str) -> Contract:
    """One of our contracts at an address."""
    made = web3.eth.contract(address=Web3.to_checksum_address(address), abi=abi(name))
    assert isinstance(made, Contract)
    return made


def safe_number(web3: Web3) -> int:
    """Number of the safe head."""
    return int(web3.eth.get_block("safe")["number"])


def wait_until_safe(web3: Web3, number: int) -> None:
    """Wait until block `number` is safe."""
    wait_until(f"block {number} is safe", lambda: safe_number(web3) >= number)


def call_fields(contract: Contract, function: str, *arguments: object) -> TxParams:
    """`to` and `data` of a call."""
    return {"to": contract.address, "data": contract.encode_abi(function, arguments)}


def make_l2_token(clients: Clients, sender: LocalAccount, l1_token: str) -> ChecksumAddress:
    """The token on L2 that stands for one of L1, from the factory there."""
    factory = clients.l2.eth.contract(address=FACTORY, abi=abi("OptimismMintableERC20Factory"))
    data = factory.encode_abi("createOptimismMintableERC20", [l1_token, "Example on L2", "EXM2"])
    receipt = send_and_wait(clients.l2, sender, {"to": FACTORY, "data": data, "gas": 3_000_000})
    assert receipt["status"] == 1
    created = factory.events.OptimismMintableERC20Created().process_receipt(
        receipt, errors=DISCARD
    )  # another event has the older name
    return Web3.to_checksum_address(created[0]["args"]["localToken"])
