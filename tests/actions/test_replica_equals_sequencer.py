"""Law 1 on a quiet L1: what is sealed, posted and derived is one chain."""

from contracts.artifact import bytecode
from sequencer.primitives.predeploys import MESSAGE_PASSER
from tests.actions.laws import check_law_1, check_law_4
from tests.actions.world import World
from tests.factories import RECIPIENT, address

REVERTING_INIT_CODE = bytes.fromhex("60006000fd")


async def test_a_transfer_is_sealed_posted_and_derived(world: World) -> None:
    transfer = await world.user.act_transfer(wei=7)
    await world.sequencer.act_build_block()
    await world.act_post()

    assert world.sequencer.user_hashes(1) == [transfer]
    assert world.replica.safe == 1
    assert world.replica.balance(RECIPIENT) == 7
    assert world.sequencer.chain.ref(1) == world.replica.chain.ref(1)
    check_law_1(world)
    check_law_4(world)


async def test_nothing_is_safe_before_it_is_on_l1(world: World) -> None:
    await world.user.act_transfer()
    await world.sequencer.act_build_block()
    await world.sequencer.act_derive_all()
    await world.batcher.act_submit_all()
    await world.act_derive_all()

    assert (world.sequencer.unsafe, world.sequencer.safe, world.replica.unsafe) == (1, 0, 0)
    check_law_1(world)


async def test_slices_of_many_users_are_derived_as_one_block(world: World) -> None:
    for number in range(3):
        await world.sequencer.act_open_block()
        for slice_number in range(3):
            for account in range(4):
                await world.user.act_transfer(wei=1 + number * 3 + slice_number, account=account)
            await world.sequencer.act_weave()
        await world.sequencer.act_seal()
    await world.act_post()

    assert [len(world.sequencer.user_hashes(number)) for number in (1, 2, 3)] == [12, 12, 12]
    assert world.replica.safe == 3
    check_law_1(world)


async def test_contracts_reverts_and_withdrawals_are_derived(world: World) -> None:
    await world.user.act_call(None, bytecode("Counter"))
    await world.user.act_call(None, REVERTING_INIT_CODE, account=1)
    await world.user.act_call(MESSAGE_PASSER, b"", account=2, wei=5)
    await world.sequencer.act_build_block()
    await world.act_post()

    statuses = [receipt.status for receipt in world.sequencer.receipts(1)[1:]]
    assert sorted(statuses) == [0, 1, 1]
    assert world.replica.block(1).header.withdrawals_root != world.replica.block(0).header.withdrawals_root
    check_law_1(world)


async def test_a_long_story_over_many_epochs(world: World) -> None:
    for number in range(12):
        await world.user.act_transfer(wei=number + 1, account=number % 3)
        await world.sequencer.act_build_blocks(2)
        if number % 3 == 2:
            await world.act_post()

    assert world.sequencer.safe == world.replica.safe == 24
    assert world.sequencer.heads.safe.l1_origin.number >= 3
    check_law_1(world)
    check_law_4(world)


async def test_a_block_without_users_is_derived_too(world: World) -> None:
    await world.sequencer.act_build_blocks(3)
    await world.act_post()

    assert world.replica.safe == 3
    check_law_1(world)


async def test_outputs_on_l1_are_the_replicas_outputs(world: World) -> None:
    for _ in range(3):
        await world.user.act_transfer()
        await world.sequencer.act_build_blocks(3)
        await world.act_post()
        await world.proposer.act_step()
        world.l1.act_mine()
        await world.act_derive_all()

    outputs = world.proposer.oracle.outputs()
    assert list(outputs) == [3, 6, 9]
    for number, root in outputs.items():
        assert root == world.replica.output_root(number)


async def test_safe_blocks_become_final_with_their_l1_block(world: World) -> None:
    transfer = await world.user.act_transfer()
    await world.sequencer.act_build_block()
    await world.act_post()
    world.l1.act_finalize()
    await world.act_derive_all()

    status = world.sequencer.mempool.status(transfer)
    assert status.state.value == "finalized"
    assert world.replica.heads.finalized == world.sequencer.heads.finalized
    assert world.replica.heads.finalized.number == 1


async def test_the_same_user_in_every_block_keeps_its_nonces(world: World) -> None:
    for _ in range(5):
        await world.user.act_transfer()
        await world.user.act_transfer()
        await world.sequencer.act_build_block()
    await world.act_post()

    account = world.replica.chain.head_state().account(address(0))
    assert account is not None
    assert account.nonce == 10
    check_law_1(world)
