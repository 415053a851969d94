"""The example pool: prices as the formula has them, nothing is created or lost, and a swap does the work of one."""

import random
from decimal import Decimal, getcontext

import pytest

from bench.tokens import balance_slot
from contracts import deployed_bytecode
from contracts.genesis import Alloc

from .evm import Contract, Evm, Result, selector

POOL, ROUTER, LOWER_TOKEN, UPPER_TOKEN = (bytes(19) + bytes([byte]) for byte in (0xA0, 0xA1, 0xB0, 0xB1))
PROVIDER, OTHER_PROVIDER, TRADER = (bytes([byte]) * 20 for byte in (1, 2, 3))
SUPPLY = 10**30
Q96 = 1 << 96
SPACING = 60
LIQUIDITY = 10**21


def _sqrt_price(price: float) -> int:
    return int(Decimal(price).sqrt() * Q96)


class Market:
    """Two tokens, a pool, a router that everybody has approved."""

    def __init__(self, sqrt_price: int = Q96) -> None:
        self.evm = Evm()
        codes = {POOL: "Pool", ROUTER: "Router", LOWER_TOKEN: "Token", UPPER_TOKEN: "Token"}
        self.evm.install({key: Alloc(1, 0, deployed_bytecode(name), {}) for key, name in codes.items()})
        self.pool, self.router, self.lower_token, self.upper_token = (
            Contract(self.evm, name, key) for key, name in codes.items()
        )
        for token in (self.lower_token, self.upper_token):
            for holder in (PROVIDER, OTHER_PROVIDER, TRADER):
                self._give(token, holder)
        self.initialized = self.pool.send(
            "initialize", LOWER_TOKEN, UPPER_TOKEN, 3_000, SPACING, sqrt_price, 4, sender=PROVIDER
        )

    def _give(self, token: Contract, holder: bytes) -> None:
        self.evm.install({token.address: Alloc(1, 0, deployed_bytecode("Token"), {balance_slot(holder): SUPPLY})})
        assert token.send("approve", ROUTER, 2**256 - 1, sender=holder).success

    def add(self, lower: int, upper: int, liquidity: int = LIQUIDITY, owner: bytes = PROVIDER) -> Result:
        return self.router.send("addLiquidity", POOL, lower, upper, liquidity, sender=owner)

    def swap(self, down: bool, amount: int) -> Result:
        return self.router.send("swap", POOL, down, amount, 0, TRADER, sender=TRADER)

    def balances(self, holder: bytes) -> tuple[int, int]:
        lower, upper = (int(str(token.read("balanceOf", holder))) for token in (self.lower_token, self.upper_token))
        return lower, upper

    def price_and_tick(self) -> tuple[int, int]:
        market = self.pool.read("market")
        assert isinstance(market, tuple)
        return market[0], market[1]


@pytest.fixture
def market() -> Market:
    made = Market()
    assert made.initialized.success
    return made


def test_ticks_are_the_logarithm_of_the_price() -> None:
    getcontext().prec = 80
    rng = random.Random(4)
    prices = [4295128739, 1461446703485210103287273052203988822378723970341, Q96 - 1, Q96, Q96 + 1]
    prices += [rng.randrange(1 << bits - 1, 1 << bits) for bits in range(33, 160, 3)]
    # The last price below a tick, and the first at it.
    for tick in (-887_271, -50_001, -60, -1, 1, 60, 333_333):
        exact = Decimal("1.0001") ** tick
        prices += [int((exact.sqrt() * Q96).to_integral_value(rounding="ROUND_FLOOR")) - 1]
    for price in prices:
        created = Market(price)
        assert created.initialized.success

        tick = created.price_and_tick()[1]

        rounding = 1 + Decimal(4) / price + Decimal("1e-18")  # of the price, and of the grid at its far end
        exact = (Decimal(price) / Q96) ** 2
        assert Decimal("1.0001") ** tick / rounding <= exact < Decimal("1.0001") ** (tick + 1) * rounding


@pytest.mark.parametrize("price", [0, 4295128738, 1461446703485210103287273052203988822378723970342])
def test_a_price_off_the_grid_is_refused(price: int) -> None:
    assert Market(price).initialized.reason == "TickPrices: price"


@pytest.mark.parametrize("down", [True, False])
def test_a_swap_within_one_range_follows_the_formula(market: Market, down: bool) -> None:
    getcontext().prec = 80
    market.add(-6_000, 6_000)
    amount = 10**18

    result = market.swap(down, amount)

    net = Decimal(amount * (10**6 - 3_000) // 10**6)
    liquidity = Decimal(LIQUIDITY)
    expected = net * liquidity / (liquidity + net)  # the price is 1, so both reserves are the liquidity
    assert result.success
    assert 0 <= expected - int.from_bytes(result.output, "big") < 2


def test_a_swap_costs_what_a_swap_of_a_large_exchange_costs(market: Market) -> None:
    market.add(-6_000, 6_000)
    market.add(-60, 60)
    market.swap(True, 10**15)
    market.evm.block.timestamp += 2

    within = market.swap(True, 10**15)
    market.evm.block.timestamp += 2
    crossing = market.swap(True, 10 * 10**18)

    assert market.price_and_tick()[1] < -60
    assert within.success
    assert crossing.success
    assert 21_000 + within.gas_used < 21_000 + crossing.gas_used
    assert 80_000 < 21_000 + within.gas_used < 150_000
    assert 90_000 < 21_000 + crossing.gas_used < 200_000


def test_crossed_ticks_change_the_liquidity_and_back(market: Market) -> None:
    market.add(-6_000, 6_000)
    market.add(-60, 60, 5 * LIQUIDITY)

    assert market.pool.read("liquidity") == 6 * LIQUIDITY
    market.swap(True, 40 * 10**18)
    assert market.price_and_tick()[1] < -60
    assert market.pool.read("liquidity") == LIQUIDITY
    market.swap(False, 40 * 10**18)
    assert market.pool.read("liquidity") == 6 * LIQUIDITY


@pytest.mark.parametrize("seed", range(4))
def test_swaps_and_positions_create_and_lose_nothing(market: Market, seed: int) -> None:
    rng = random.Random(seed)
    owners = {}
    for owner in (PROVIDER, OTHER_PROVIDER):
        for _ in range(3):
            width = SPACING * rng.randrange(1, 40)
            middle = SPACING * rng.randrange(-10, 10)
            owners[(owner, middle - width, middle + width)] = liquidity = rng.randrange(10**18, 10**21)
            assert market.add(middle - width, middle + width, liquidity, owner).success
    market.add(-60_000, 60_000, 10**18)
    owners[(PROVIDER, -60_000, 60_000)] = 10**18
    for _ in range(30):
        market.evm.block.timestamp += rng.randrange(3)
        assert market.swap(rng.random() < 0.5, rng.randrange(1, 10**19)).success
    before = market.balances(POOL)

    paid = [0, 0]
    for (owner, lower, upper), liquidity in owners.items():
        assert market.pool.send("burn", lower, upper, liquidity, sender=owner).success
        held = market.balances(owner)
        assert market.pool.send("collect", lower, upper, owner, sender=owner).success
        for index in (0, 1):
            paid[index] += market.balances(owner)[index] - held[index]

    rest = market.balances(POOL)
    assert (before[0] - paid[0], before[1] - paid[1]) == rest
    assert all(0 <= value < 1_000 for value in rest)
    assert market.pool.read("liquidity") == 0
    everybody = (PROVIDER, OTHER_PROVIDER, TRADER, POOL)
    assert [sum(market.balances(holder)[index] for holder in everybody) for index in (0, 1)] == [3 * SUPPLY] * 2


def test_fees_go_to_the_liquidity_that_was_in_range(market: Market) -> None:
    market.add(-6_000, 6_000)
    market.add(600, 1_200, 10 * LIQUIDITY, OTHER_PROVIDER)
    market.swap(True, 10**18)
    for owner, lower, upper in ((PROVIDER, -6_000, 6_000), (OTHER_PROVIDER, 600, 1_200)):
        assert market.pool.send("burn", lower, upper, 0, sender=owner).success

    earned = market.pool.send("collect", -6_000, 6_000, PROVIDER, sender=PROVIDER)
    idle = market.pool.send("collect", 600, 1_200, OTHER_PROVIDER, sender=OTHER_PROVIDER)

    fee = 10**18 * 3_000 // 10**6
    assert fee - 2 <= int.from_bytes(earned.output[:32], "big") <= fee
    assert idle.output == bytes(64)


def test_the_history_sums_ticks_over_time(market: Market) -> None:
    market.add(-6_000, 6_000)
    market.swap(True, 10**18)
    tick = market.price_and_tick()[1]
    market.evm.block.timestamp += 100
    market.swap(True, 10**18)

    times = [market.pool.read("history", index) for index in range(4)]

    newest = market.pool.read("market")
    assert isinstance(newest, tuple)
    entry = times[newest[2]]
    assert isinstance(entry, tuple)
    assert entry[0] == market.evm.block.timestamp
    assert entry[1] == 100 * tick
    assert entry[2] == (100 << 128) // LIQUIDITY


def test_who_does_not_pay_gets_nothing(market: Market) -> None:
    market.add(-6_000, 6_000)
    limit = _sqrt_price(0.5)

    unpaid = market.pool.send("swap", TRADER, True, 10**18, limit, b"", sender=TRADER)
    stranger = market.router.send("pay", 1, 1, b"", sender=TRADER)

    assert not unpaid.success
    assert stranger.reason == "Router: not the pool that was called"
    assert market.balances(TRADER) == (SUPPLY, SUPPLY)


@pytest.mark.parametrize(
    ("lower", "upper", "reason"),
    [(60, -60, "Pool: range"), (-61, 60, "Pool: tick between the usable ones"), (-887_280, 0, "Pool: range")],
)
def test_ranges_that_are_none_are_refused(market: Market, lower: int, upper: int, reason: str) -> None:
    assert market.add(lower, upper).reason == reason


def test_an_empty_pool_takes_nothing(market: Market) -> None:
    assert market.swap(True, 10**18).reason == "Router: the pool could not take all"


def test_a_market_is_initialized_once(market: Market) -> None:
    again = market.pool.send("initialize", LOWER_TOKEN, UPPER_TOKEN, 3_000, SPACING, Q96, 4, sender=TRADER)

    assert again.reason == "Pool: initialized already"
    assert selector("initialize(address,address,uint24,int24,uint160,uint16)") in deployed_bytecode("Pool")
