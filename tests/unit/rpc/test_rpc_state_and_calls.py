"""Accounts, storage, proofs, calls, estimates."""

import pytest

from l1_bridge.rlp_codec import encode_rlp
from sequencer.execution.interface import CallMessage, CallResult
from sequencer.primitives.account import Account
from sequencer.rpc.eth_calls import decode_revert_reason
from sequencer.rpc.settings import RpcSettings
from tests.factories import address, make_authorization, private_key
from tests.fakes.rpc_backend import World, make_world
from tests.unit.rpc.conftest import Call, caller_of, error_of, object_of, result_of

ACCOUNT = address(3)
ACCOUNT_HEX = "0x" + ACCOUNT.hex()
CODE_HASH = b"\x77" * 32


@pytest.fixture(autouse=True)
def _account(world: World) -> None:
    world.chain.state.accounts[ACCOUNT] = Account(nonce=5, balance=10**18, code_hash=CODE_HASH)
    world.chain.state.codes[CODE_HASH] = b"\x60\x00"
    world.chain.state.slots[ACCOUNT, 2] = 0xABC


async def test_account_values(world: World, call: Call) -> None:
    assert result_of(await call("eth_getBalance", ACCOUNT_HEX, "latest")) == hex(10**18)
    assert result_of(await call("eth_getTransactionCount", ACCOUNT_HEX, "latest")) == "0x5"
    assert result_of(await call("eth_getCode", ACCOUNT_HEX, "latest")) == "0x6000"
    assert result_of(await call("eth_getStorageAt", ACCOUNT_HEX, "0x2", "latest")) == f"0x{0xABC:064x}"
    assert result_of(await call("eth_getStorageAt", ACCOUNT_HEX, "0x" + "00" * 31 + "02")) == f"0x{0xABC:064x}"


async def test_missing_account_has_zeros(call: Call) -> None:
    nobody = "0x" + "99" * 20

    assert result_of(await call("eth_getBalance", nobody)) == "0x0"
    assert result_of(await call("eth_getTransactionCount", nobody)) == "0x0"
    assert result_of(await call("eth_getCode", nobody)) == "0x"
    assert result_of(await call("eth_getStorageAt", nobody, "0x0")) == "0x" + "00" * 32


async def test_state_of_a_block_by_number_hash_or_object(world: World, call: Call) -> None:
    block_hash = "0x" + world.chain.blocks[3][0].hash.hex()
    references = ["0x3", block_hash, {"blockNumber": "0x3"}, {"blockHash": block_hash, "requireCanonical": True}]

    for reference in references:
        assert result_of(await call("eth_getBalance", ACCOUNT_HEX, reference)) == hex(10**18)


async def test_state_of_an_unknown_block_is_not_found(call: Call) -> None:
    for reference in ("0xffff", "0x" + "ab" * 32, {"blockHash": "0x" + "ab" * 32}):
        assert error_of(await call("eth_getBalance", ACCOUNT_HEX, reference)) == (-32001, "block not found")


async def test_pruned_state_is_not_available(world: World, call: Call) -> None:
    world.chain.pruned_below = 10

    assert error_of(await call("eth_getBalance", ACCOUNT_HEX, "0x9")) == (-32002, "state of block 9 is not available")
    assert result_of(await call("eth_getBalance", ACCOUNT_HEX, "0xa")) == hex(10**18)


async def test_proof_has_the_shape_of_eip_1186(call: Call) -> None:
    proof = object_of(await call("eth_getProof", ACCOUNT_HEX, ["0x2", "0x" + "00" * 32], "latest"))

    assert set(proof) == {"address", "nonce", "balance", "codeHash", "storageHash", "accountProof", "storageProof"}
    assert proof["storageProof"] == [
        {"key": f"0x{2:064x}", "value": hex(0xABC), "proof": ["0xc180"]},
        {"key": "0x" + "00" * 32, "value": "0x0", "proof": ["0xc180"]},
    ]


async def test_proof_of_a_pruned_block_is_not_available(world: World, call: Call) -> None:
    world.chain.pruned_below = 10

    assert error_of(await call("eth_getProof", ACCOUNT_HEX, [], "0x1"))[0] == -32002


async def test_proof_of_too_many_slots_is_refused() -> None:
    world = make_world(count=3, settings=RpcSettings(max_proof_slots=2))
    try:
        call = caller_of(world)
        accepted = await call("eth_getProof", ACCOUNT_HEX, ["0x1", "0x2"], "latest")
        refused = await call("eth_getProof", ACCOUNT_HEX, ["0x1", "0x2", "0x3"], "latest")
    finally:
        world.backend.close()

    assert "result" in accepted
    assert error_of(refused)[0] == -32005


async def test_call_gives_what_the_engine_returns(world: World, call: Call) -> None:
    world.engine.respond = lambda message: CallResult(b"\x12\x34", 30_000, None)

    answer = await call(
        "eth_call", {"from": ACCOUNT_HEX, "to": ACCOUNT_HEX, "data": "0xdead", "value": "0x5"}, "latest"
    )

    assert result_of(answer) == "0x1234"
    environment, state, message, overrides = world.engine.calls[0]
    assert environment.number == len(world.chain.blocks) - 1
    assert state is world.chain.state
    assert message == CallMessage(
        sender=ACCOUNT, to=ACCOUNT, gas_limit=world.backend.settings.call_gas_cap, value=5, data=b"\xde\xad"
    )
    assert overrides == {}


async def test_call_without_sender_comes_from_the_zero_address(world: World, call: Call) -> None:
    await call("eth_call", {"to": ACCOUNT_HEX, "input": "0x01", "gas": "0x5208"})

    message = world.engine.calls[0][2]
    assert (message.sender, message.gas_limit, message.data) == (bytes(20), 21_000, b"\x01")


async def test_call_that_names_a_price_pays_it(world: World, call: Call) -> None:
    base_fee = world.chain.blocks[-1][0].header.base_fee_per_gas
    await call("eth_call", {"to": ACCOUNT_HEX, "gasPrice": "0x7"})
    await call("eth_call", {"to": ACCOUNT_HEX, "maxFeePerGas": hex(base_fee + 100), "maxPriorityFeePerGas": "0x3"})

    assert [message.gas_price for _, _, message, _ in world.engine.calls] == [7, base_fee + 3]


async def test_revert_has_code_3_and_its_data(world: World, call: Call) -> None:
    reason = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (5).to_bytes(32, "big") + b"nope!".ljust(32, b"\0")
    world.engine.respond = lambda message: CallResult(reason, 30_000, "execution reverted")

    answer = await call("eth_call", {"to": ACCOUNT_HEX})

    assert error_of(answer) == (3, "execution reverted: nope!")
    assert answer["error"]["data"] == "0x" + reason.hex()  # type: ignore[index]


async def test_failure_that_is_no_revert_has_no_data(world: World, call: Call) -> None:
    world.engine.respond = lambda message: CallResult(b"", 30_000, "out of gas")

    answer = await call("eth_call", {"to": ACCOUNT_HEX, "gas": "0x7530"})

    assert error_of(answer) == (-32000, "out of gas (gas 30000)")
    assert "data" not in answer["error"]  # type: ignore[operator]


def test_revert_reasons() -> None:
    panic = bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")
    too_long = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (2**255).to_bytes(32, "big")

    assert decode_revert_reason(panic) == "panic code 0x11"
    assert decode_revert_reason(b"") is None
    assert decode_revert_reason(b"\x01\x02\x03\x04") is None
    assert decode_revert_reason(too_long) is None
    assert decode_revert_reason(bytes.fromhex("08c379a0")) is None


async def test_state_overrides_reach_the_engine(world: World, call: Call) -> None:
    other = "0x" + address(4).hex()
    overrides = {
        ACCOUNT_HEX: {"balance": "0x10", "code": "0x60", "stateDiff": {f"0x{2:064x}": f"0x{9:064x}"}},
        other: {"nonce": "0x7", "state": {f"0x{1:064x}": f"0x{8:064x}"}},
    }
    world.chain.state.slots[address(4), 5] = 1

    await call("eth_call", {"to": ACCOUNT_HEX}, "latest", overrides)

    _, state, _, given = world.engine.calls[0]
    assert given[ACCOUNT].account == Account(nonce=5, balance=16, code_hash=CODE_HASH)
    assert given[ACCOUNT].code == b"\x60"
    assert given[ACCOUNT].storage == {2: 9}
    assert given[address(4)].account == Account(nonce=7)
    assert given[address(4)].storage == {1: 8}
    assert state.storage(address(4), 5) == 0
    assert state.storage(ACCOUNT, 2) == 0xABC


async def test_block_overrides_reach_the_engine(world: World, call: Call) -> None:
    await call("eth_call", {"to": ACCOUNT_HEX}, "0x5", {}, {"number": "0x64", "time": "0x0", "baseFeePerGas": "0x1"})

    environment = world.engine.calls[0][0]
    assert (environment.number, environment.timestamp, environment.base_fee_per_gas) == (100, 0, 1)
    assert environment.gas_limit == world.chain.blocks[5][0].header.gas_limit


BAD_CALLS: list[list[object]] = [
    [],
    [None],
    ["0x"],
    [[]],
    [{"to": "0x12"}],
    [{"to": 5}],
    [{"value": "0x01"}],
    [{"value": "-0x1"}],
    [{"value": "0x1" + "0" * 64}],
    [{"gas": "0x1" + "0" * 16}],
    [{"data": "0x1"}],
    [{"data": "0x01", "input": "0x02"}],
    [{"gasPrice": "0x1", "maxFeePerGas": "0x1"}],
    [{"maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2"}],
    [{"blobVersionedHashes": []}],
    [{"accessList": {}}],
    [{"accessList": [{}]}],
    [{"accessList": [{"address": ACCOUNT_HEX, "storageKeys": ["0x1"]}]}],
    [{"authorizationList": [{"chainId": "0x1"}]}],
    [{}, "latest", []],
    [{}, "latest", {"0x12": {}}],
    [{}, "latest", {ACCOUNT_HEX: {"state": {}, "stateDiff": {}}}],
    [{}, "latest", {ACCOUNT_HEX: {"balance": 5}}],
    [{}, "latest", {ACCOUNT_HEX: {"movePrecompileToAddress": ACCOUNT_HEX}}],
    [{}, "latest", {}, {"withdrawals": []}],
    [{}, "latest", {}, {}, {}],
]


@pytest.mark.parametrize("params", BAD_CALLS)
async def test_malformed_call_is_invalid_params(world: World, call: Call, params: list[object]) -> None:
    assert error_of(await call("eth_call", *params))[0] == -32602
    assert world.engine.calls == []


async def test_delegations_of_a_call_are_pretended(world: World, call: Call) -> None:
    authorization = make_authorization(key=private_key(6), address=address(7))
    listed = {
        "chainId": hex(authorization.chain_id),
        "address": "0x" + address(7).hex(),
        "nonce": "0x0",
        "yParity": hex(authorization.y_parity),
        "r": hex(authorization.r),
        "s": hex(authorization.s),
    }

    answer = await call("eth_estimateGas", {"to": "0x" + address(6).hex(), "authorizationList": [listed]})

    assert world.engine.calls[0][3][address(6)].code == b"\xef\x01\x00" + address(7)
    assert result_of(answer) == hex(21_000 + 25_000)


@pytest.mark.parametrize("needed", [21_000, 45_000, 53_123, 1_000_000, 19_999_999])
async def test_estimate_is_enough_and_not_much_more(world: World, call: Call, needed: int) -> None:
    def respond(message: CallMessage) -> CallResult:
        is_enough = message.gas_limit >= needed
        return CallResult(b"", 21_000, None) if is_enough else CallResult(b"", message.gas_limit, "out of gas")

    world.engine.respond = respond

    estimate = int(str(result_of(await call("eth_estimateGas", {"to": ACCOUNT_HEX}))), 16)

    assert needed <= estimate <= needed * 66 // 64
    assert len(world.engine.calls) < 25


async def test_estimate_of_a_plain_transfer_is_exact(world: World, call: Call) -> None:
    assert result_of(await call("eth_estimateGas", {"to": ACCOUNT_HEX, "value": "0x1"})) == "0x5208"


async def test_estimate_of_what_reverts_is_the_revert(world: World, call: Call) -> None:
    world.engine.respond = lambda message: CallResult(b"\x01", 22_000, "execution reverted")

    answer = await call("eth_estimateGas", {"to": ACCOUNT_HEX})

    assert error_of(answer) == (3, "execution reverted")
    assert answer["error"]["data"] == "0x01"  # type: ignore[index]


async def test_estimate_goes_no_further_than_the_sender_can_pay(world: World, call: Call) -> None:
    poor = address(8)
    world.chain.state.accounts[poor] = Account(balance=100_000)
    offer = {"from": "0x" + poor.hex(), "to": ACCOUNT_HEX, "gasPrice": "0x2"}

    await call("eth_estimateGas", offer)
    unpayable = await call("eth_estimateGas", {**offer, "value": hex(100_000)})

    assert world.engine.calls[0][2].gas_limit == 50_000
    assert error_of(unpayable)[0] == -32000


async def test_estimate_stops_at_its_time_limit() -> None:
    now = [0.0]
    world = make_world(count=3)
    object.__setattr__(world.backend, "monotonic", lambda: now[0])

    def respond(message: CallMessage) -> CallResult:
        now[0] += 4
        return CallResult(b"", 21_000, None) if message.gas_limit > 10**6 else CallResult(b"", 1, "out of gas")

    world.engine.respond = respond
    try:
        answer = await caller_of(world)("eth_estimateGas", {"to": ACCOUNT_HEX})
    finally:
        world.backend.close()

    assert error_of(answer)[0] == -32002
    assert len(world.engine.calls) == 2


async def test_raw_encodings_of_a_block(world: World, call: Call) -> None:
    block, receipts = world.chain.blocks[5]

    assert result_of(await call("debug_getRawHeader", "0x5")) == "0x" + block.header.encode().hex()
    assert result_of(await call("debug_getRawBlock", "0x" + block.hash.hex())) == "0x" + block.encode().hex()
    assert result_of(await call("debug_getRawReceipts", "0x5")) == ["0x" + one.encode().hex() for one in receipts]
    raw = await call("debug_getRawTransaction", "0x" + block.transactions[0].hash.hex())
    assert result_of(raw) == "0x" + block.transactions[0].raw.hex()


async def test_raw_encodings_of_what_is_not_there(call: Call) -> None:
    for name in ("debug_getRawHeader", "debug_getRawBlock", "debug_getRawReceipts"):
        assert error_of(await call(name, "0xffff"))[0] == -32001
    assert result_of(await call("debug_getRawTransaction", "0x" + "00" * 32)) is None


async def test_raw_block_is_what_the_batcher_reads(world: World, call: Call) -> None:
    block = world.chain.blocks[6][0]

    raw = object_of(await call("braid_rawBlock", "0x6"))

    assert raw["hash"] == "0x" + block.hash.hex()
    assert raw["header"] == "0x" + encode_rlp(block.header.to_rlp()).hex()
    assert raw["transactions"] == ["0x" + one.raw.hex() for one in block.transactions]
    assert error_of(await call("braid_rawBlock", "0xffff"))[0] == -32001
