// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ResourceMetering} from "contracts/src/l1/ResourceMetering.sol";
import {ResourceConfig} from "contracts/src/libraries/Types.sol";
import {vm} from "./Vm.sol";

uint64 constant MAX_GAS = 20_000_000;
uint256 constant TARGET_GAS = 2_000_000;
uint256 constant MIN_PRICE = 1 gwei;

/// @dev Low, so that random buyers reach it.
uint256 constant MAX_PRICE = 50 gwei;

/// @notice The market alone, with the settings of the portal but for the highest price.
contract Market is ResourceMetering {
    constructor() initializer {
        _initializeMetering();
    }

    function buy(uint64 amount) external metered(amount) {}

    function _resourceConfig() internal pure override returns (ResourceConfig memory) {
        return ResourceConfig({
            maxResourceLimit: uint32(MAX_GAS),
            elasticityMultiplier: 10,
            baseFeeMaxChangeDenominator: 8,
            minimumBaseFee: uint32(MIN_PRICE),
            systemTxMaxGas: 1_000_000,
            maximumBaseFee: uint128(MAX_PRICE)
        });
    }
}

/// @notice Buys at random and computes each price a second time, by EIP-1559 block for block.
contract Buyer {
    Market public immutable market;

    /// @notice What was bought in the block of the last purchase.
    uint256 public bought;
    uint256 private lastBlock = block.number;

    constructor(Market market_) {
        market = market_;
    }

    function buy(uint64 amount) external {
        _buy(amount % (MAX_GAS / 2));
    }

    /// @notice Buys all that this block has left, and perhaps a little too much.
    function buyTheRest(uint64 excess) external {
        uint256 already = block.number == lastBlock ? bought : 0;
        _buy(uint64(MAX_GAS - already) + excess % 2);
    }

    function buyAnything(uint64 amount) external {
        _buy(amount);
    }

    function passBlocks(uint16 count) external {
        vm.roll(block.number + 1 + (count % 4 == 0 ? count : count % 4));
    }

    function nextBlock() external {
        vm.roll(block.number + 1);
    }

    function _buy(uint64 amount) private {
        (uint128 before, uint64 boughtBefore, uint64 since) = market.params();
        uint256 already = block.number == lastBlock ? bought : 0;
        // L1 gas that costs so much that hardly any must be burned.
        vm.fee(1000 * MAX_PRICE);

        (bool success, bytes memory answer) = address(market).call(abi.encodeCall(Market.buy, (amount)));

        vm.assertEq(success, already + amount <= MAX_GAS, "a purchase is taken when, and only when, the block has room");
        if (!success) {
            vm.assertEq(bytes32(bytes4(answer)), bytes32(ResourceMetering.OutOfGas.selector), "reason of the refusal");
            return;
        }
        bought = already + amount;
        lastBlock = block.number;
        (uint128 price,,) = market.params();
        uint256 passed = block.number - since;
        vm.assertApproxEqAbs(price, _expected(before, boughtBefore, passed), passed, "price by EIP-1559");
    }

    /// @dev The price after `passed` blocks, the first of which sees what was bought, the others nothing.
    function _expected(uint256 price, uint256 used, uint256 passed) private pure returns (uint256) {
        for (uint256 i = 0; i < passed && (i == 0 || price > MIN_PRICE); ++i) {
            if (i > 0) used = 0;
            if (used > TARGET_GAS) price += price * (used - TARGET_GAS) / TARGET_GAS / 8;
            else price -= price * (TARGET_GAS - used) / TARGET_GAS / 8;
            if (price < MIN_PRICE) price = MIN_PRICE;
            if (price > MAX_PRICE) price = MAX_PRICE;
        }
        return price;
    }
}

/// @notice The market for L2 gas under buyers of all kinds.
contract DepositMarketTest {
    Market private market;
    Buyer private buyer;

    function setUp() public {
        vm.roll(1_000);
        market = new Market();
        buyer = new Buyer(market);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(buyer);
    }

    function invariant_a_block_sells_no_more_than_it_has_at_a_price_within_bounds() public view {
        (uint128 price, uint64 bought,) = market.params();
        vm.assertLe(bought, MAX_GAS, "bought in a block");
        vm.assertEq(bought, buyer.bought(), "bought in a block, counted twice");
        vm.assertGe(price, MIN_PRICE, "price");
        vm.assertLe(price, MAX_PRICE, "price");
    }

    function testFuzz_what_is_bought_is_paid_in_l1_gas(uint64 amount, uint64 basefee) public {
        amount %= 2_000_000;
        vm.fee(basefee);
        uint256 unit = basefee > 1 gwei ? basefee : 1 gwei;
        uint256 before = gasleft();

        market.buy(amount);

        vm.assertGe(before - gasleft(), uint256(amount) * 1 gwei / unit, "L1 gas used");
        vm.assertLe(before - gasleft(), uint256(amount) * 1 gwei / unit + 60_000, "L1 gas used");
    }
}
