"""The pool's view of a chain that is unwound on another thread while the pool asks."""

from pathlib import Path

from sequencer.node.pool_view import ATTRIBUTES_GAS, ChainPoolView
from tests.factories import address
from tests.fakes.chain_story import build_block, open_chain

BOB = b"\xb0" * 20


def test_a_head_answers_after_its_block_was_unwound(tmp_path: Path) -> None:
    chain = open_chain(tmp_path)
    view = ChainPoolView(chain)
    build_block(chain)
    build_block(chain)
    head = view.head()
    assert head.number == 2
    chain.unwind(1)

    sender, bob = head.state.account(address(0)), head.state.account(BOB)
    assert sender is not None
    assert bob is not None
    assert (sender.nonce, bob.balance) == (1, 1)
    assert head.state.storage(BOB, 1) == 0
    chain.store.close()


def test_a_head_goes_on_giving_its_state_while_the_chain_grows(tmp_path: Path) -> None:
    chain = open_chain(tmp_path)
    view = ChainPoolView(chain)
    build_block(chain)
    head = view.head()
    build_block(chain)

    sender = head.state.account(address(0))
    assert sender is not None
    assert sender.nonce == 1
    assert view.head().number == 2
    chain.store.close()


def test_between_commit_and_swap_the_head_before_stands_in(tmp_path: Path) -> None:
    """The store has unwound the block, and the heads still name it: the chain thread is between the two."""
    chain = open_chain(tmp_path)
    view = ChainPoolView(chain)
    build_block(chain)
    assert view.head().number == 1
    build_block(chain)
    before = chain.heads
    chain.unwind(1)
    after, chain._heads = chain.heads, before

    head = view.head()
    sender = head.state.account(address(0))
    assert sender is not None
    assert (head.number, sender.nonce) == (1, 1)
    chain._heads = after
    assert view.head().number == 1
    chain.store.close()


def test_a_transaction_of_a_rollup_has_to_fit_beside_the_l1_attributes(tmp_path: Path) -> None:
    chain = open_chain(tmp_path)
    block = chain.block(0)
    assert block is not None

    assert ChainPoolView(chain).head().gas_limit == block.header.gas_limit - ATTRIBUTES_GAS
    chain.store.close()
