"""
Mixed traffic for both sides of a devnet, in rounds: everything that a block can hold, and much of what can fail.

    L2   transfers of types 0, 1, 2 and 4, creation by CREATE and CREATE2, ERC-20, reverts, out of gas, floor-priced
         calldata, withdrawals
    L1   deposits that mint, call, create, revert, have too much value, or come from a contract; each update of the
         system config (of the batcher, to the one that it is)

A round does not wait for the blocks of the round before it but for one receipt, so that blocks hold several rounds.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.types import TransactionDictType
from web3 import Web3

from contracts import bytecode
from l1_bridge.deposits import apply_alias
from sequencer.node.dev_accounts import derive_dev_accounts
from tests.e2e.chain_clients import GWEI, RECIPIENT, call_fields, contract_at, deploy, receipt_of
from tests.e2e.devnet_process import wait_until

MESSAGE_PASSER = Web3.to_checksum_address("0x4200000000000000000000000000000000000016")
DETERMINISTIC_DEPLOYER = Web3.to_checksum_address("0x4e59b44847b379578588920ca78fbf26c0b4956c")
ZERO_ADDRESS = Web3.to_checksum_address("0x" + "00" * 20)
MARKER = Web3.to_checksum_address("0x" + "c7" * 20)
"""Receives the last deposit, by which its arrival is known."""

INIT_CODE = bytes.fromhex("600160005560006000f3")
"""Writes its first slot and leaves no code."""

TOO_MUCH_WEI = 10**30
FLOOR_GAS_A_BYTE = 40
"""At most, by EIP-7623: of one that is not zero."""

L1_CONTRACTS = ("OptimismPortal", "SystemConfig", "L1CrossDomainMessenger")
"""What traffic goes to there."""

ARRIVAL_SECONDS = 120.0
"""For a deposit: L1 has to mine it, and the sequencer lags behind L1 on purpose."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Both chains, by clients of their nodes, and the contracts on L1."""

    l1: Web3
    l2: Web3
    contracts: Mapping[str, str]


class Wallet:
    """One account on one chain, that counts its nonces itself and so needs not wait."""

    def __init__(self, web3: Web3, account: LocalAccount) -> None:
        self.account = account
        self.web3 = web3
        self._chain_id = web3.eth.chain_id
        self._nonce = int(web3.eth.get_transaction_count(account.address, "latest"))
        self.acknowledged: list[bytes] = []
        """Hashes of what the node took."""

    def send(self, fields: Mapping[str, object]) -> bytes:
        """Sign and send; the hash. Fees and gas are filled in where they lack."""
        transaction: dict[str, object] = {
            "chainId": self._chain_id,
            "nonce": self._nonce,
            "value": 0,
            "gas": 300_000,
            **fields,
        }
        if "gasPrice" not in transaction:
            transaction = {"maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": GWEI, **transaction}
        signed = self.account.sign_transaction(cast(TransactionDictType, transaction))  # eth-account checks it
        sent = bytes(self.web3.eth.send_raw_transaction(signed.raw_transaction))
        self._nonce += 1
        self.acknowledged.append(sent)
        return sent


class Traffic:
    """Sends rounds; `finish` waits until everything has arrived on L2."""

    def __init__(self, sides: Sides, bulk_bytes: int = 0) -> None:
        self._l2 = sides.l2
        self._chain_id = sides.l2.eth.chain_id
        known = derive_dev_accounts()
        accounts = [_with_key(account.private_key) for account in known.users]
        self._token = deploy(sides.l2, accounts[1], "Token", 10**24)
        self._counter = deploy(sides.l2, accounts[2], "Counter")
        self._users = [Wallet(sides.l2, account) for account in accounts[:7]]
        self._authority = accounts[9]
        self._authority_nonce = int(sides.l2.eth.get_transaction_count(self._authority.address))
        self._depositor = Wallet(sides.l1, accounts[7])
        self._owner = Wallet(sides.l1, _with_key(known.owner.private_key))
        self._portal, self._system_config, self._messenger = (
            contract_at(sides.l1, sides.contracts[name], name) for name in L1_CONTRACTS
        )
        self._batcher_hash = self._system_config.functions.batcherHash().call()
        self._bulk_bytes = bulk_bytes
        self.rounds = 0

    @property
    def aliased_sender(self) -> str:
        """Who deposits on L2 in the name of the messenger on L1, which is a contract."""
        return "0x" + apply_alias(bytes.fromhex(self._messenger.address[2:])).hex()

    @property
    def sent_on_l1(self) -> list[bytes]:
        """Hashes of all deposits and config updates."""
        return [*self._depositor.acknowledged, *self._owner.acknowledged]

    @property
    def acknowledged(self) -> list[bytes]:
        """Hashes of all transactions that the L2 node took."""
        return [sent for wallet in self._users for sent in wallet.acknowledged]

    def run(self, seconds: float) -> None:
        """Rounds for so long; the last one is finished."""
        end = time.monotonic() + seconds
        self.run_until(lambda: time.monotonic() >= end)

    def run_until(self, is_over: Callable[[], bool]) -> None:
        """Rounds until something is so; the last one is finished."""
        while not is_over():
            last = self._send_on_l2()
            self._send_on_l1()
            self.rounds += 1
            receipt_of(self._l2, last)

    def finish(self) -> int:
        """Wait until all of it is in L2 blocks; the number of a block that has all of it below or in it."""
        latest = [wallet.send({"to": RECIPIENT, "value": 1}) for wallet in self._users]
        deposit = self._portal.encode_abi("depositTransaction", [MARKER, 1, 100_000, False, b""])
        self._deposit({"value": 1, "data": deposit})
        for sent in latest:
            receipt_of(self._l2, sent)
        l2 = self._l2.eth
        wait_until("the last deposit is on L2", lambda: l2.get_balance(MARKER) > 0, ARRIVAL_SECONDS)
        return int(l2.block_number)

    def _send_on_l2(self) -> bytes:
        transfer = {"to": RECIPIENT, "value": self.rounds + 1, "gas": 21_000}
        access_list = [{"address": RECIPIENT, "storageKeys": ["0x" + "00" * 32]}]
        token, counter, users = self._token, self._counter, self._users
        users[0].send({**transfer, "gasPrice": 20 * GWEI})
        users[0].send({**transfer, "type": 1, "gasPrice": 20 * GWEI, "gas": 50_000, "accessList": access_list})
        users[0].send(transfer)
        users[1].send(call_fields(token, "transfer", RECIPIENT, self.rounds + 1))
        users[1].send({**call_fields(token, "transfer", MESSAGE_PASSER, 1), "gas": 24_000})  # runs out of gas
        users[2].send(call_fields(counter, "increment"))
        users[2].send(call_fields(counter, "fail"))
        users[3].send({"data": bytecode("Counter"), "gas": 1_000_000})
        salt = self.rounds.to_bytes(32, "big")
        users[3].send({"to": DETERMINISTIC_DEPLOYER, "data": salt + INIT_CODE})
        users[4].send({"to": RECIPIENT, "data": b"\x01" * 1_000, "gas": 100_000})  # EIP-7623
        passer = contract_at(self._l2, MESSAGE_PASSER, "L2ToL1MessagePasser")
        if self._bulk_bytes:
            bulk = random.Random(self.rounds).randbytes(self._bulk_bytes)
            users[4].send({"to": RECIPIENT, "data": bulk, "gas": 21_000 + FLOOR_GAS_A_BYTE * len(bulk)})
        users[6].send({**call_fields(passer, "initiateWithdrawal", RECIPIENT, 50_000, salt), "value": 7})
        return self._send_authorization()

    def _send_authorization(self) -> bytes:
        """Type 4, by a sponsor; every third authorization is for another nonce, which does not count."""
        is_good = self.rounds % 3 != 2
        nonce = self._authority_nonce if is_good else self._authority_nonce + 5
        authorization = self._authority.sign_authorization(
            {"chainId": self._chain_id, "address": self._counter.address, "nonce": nonce}
        )
        delegated = contract_at(self._l2, self._authority.address, "Counter")
        call = {**call_fields(delegated, "increment"), "authorizationList": [authorization]}
        sent = self._users[5].send(call)
        self._authority_nonce += is_good
        return sent

    def _send_on_l1(self) -> None:
        """A deposit a round; a config update every other round."""
        kinds: list[Callable[[], None]] = [
            self._deposit_by_contract,
            lambda: self._deposit({"value": 10**15}),
            lambda: self._deposit_call(RECIPIENT, 40, 100_000, False, b"", mint=100),
            lambda: self._deposit_call(ZERO_ADDRESS, 0, 1_000_000, True, bytecode("Counter")),
            lambda: self._deposit_call(RECIPIENT, TOO_MUCH_WEI, 100_000, False, b"", mint=5),
            lambda: self._deposit_call(self._counter.address, 0, 100_000, False, self._counter.encode_abi("fail")),
        ]
        kinds[self.rounds % len(kinds)]()
        if self.rounds % 2 == 1:
            self._owner.send(self._config_update(self.rounds // 2))

    def _deposit_call(self, *arguments: object, mint: int = 0) -> None:
        self._deposit({"value": mint, "data": self._portal.encode_abi("depositTransaction", list(arguments))})

    def _deposit_by_contract(self) -> None:
        """A message, which its messenger deposits: the sender is its address, aliased."""
        message = self._messenger.encode_abi("sendMessage", [RECIPIENT, b"", 100_000])
        self._depositor.send({"to": self._messenger.address, "gas": 3_000_000, "value": 11, "data": message})

    def _deposit(self, fields: Mapping[str, object]) -> None:
        self._depositor.send({"to": self._portal.address, "gas": 3_000_000, **fields})

    def _config_update(self, number: int) -> Mapping[str, object]:
        updates: list[tuple[str, tuple[object, ...]]] = [
            ("setBatcherHash", (self._batcher_hash,)),
            ("setGasConfigEcotone", (1_000 + number, 800_000 + number)),
            ("setOperatorFeeScalars", (10 + number, 100 + number)),
            ("setEIP1559Params", (50 + number, 6)),
            ("setGasLimit", (40_000_000 + number,)),
            ("setUnsafeBlockSigner", (Web3.to_checksum_address(f"0x{number + 1:040x}"),)),
        ]
        function, arguments = updates[number % len(updates)]
        return dict(call_fields(self._system_config, function, *arguments))


def _with_key(private_key: bytes) -> LocalAccount:
    return cast(LocalAccount, Account.from_key(private_key))
