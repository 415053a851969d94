// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {GasBurn} from "../libraries/GasBurn.sol";
import {ResourceConfig} from "../libraries/Types.sol";

/// @title ResourceMetering
/// @notice The market for L2 gas that deposits buy on L1: a limit for each L1 block, and a price that follows demand
///         in the manner of EIP-1559. The price is paid by burning L1 gas. Spec: guaranteed-gas-market.md.
abstract contract ResourceMetering is Initializable {
    /// @notice State of the market, in one slot.
    /// @param prevBaseFee Price of an L2 gas in wei when it last moved.
    /// @param prevBoughtGas L2 gas bought in block `prevBlockNum` so far.
    struct ResourceParams {
        uint128 prevBaseFee;
        uint64 prevBoughtGas;
        uint64 prevBlockNum;
    }

    /// @notice This L1 block's deposits can not buy that much more L2 gas.
    error OutOfGas();

    /// @dev Fixed point 1.0 for the decay over empty blocks.
    uint256 private constant ONE = 1e18;

    /// @dev After so many empty blocks every price below 2^128 wei has decayed to the minimum.
    uint256 private constant DECAYED_BLOCKS = 1024;

    ResourceParams public params;

    /// @dev Buys `amount` of L2 gas for what the function body does not already cost.
    modifier metered(uint64 amount) {
        uint256 gasBefore = gasleft();
        _;
        _buy(amount, gasBefore);
    }

    /// @dev Where the parameters of the market come from.
    function _resourceConfig() internal view virtual returns (ResourceConfig memory);

    function _initializeMetering() internal onlyInitializing {
        params = ResourceParams({prevBaseFee: 1 gwei, prevBoughtGas: 0, prevBlockNum: uint64(block.number)});
    }

    function _buy(uint64 amount, uint256 gasBefore) private {
        ResourceConfig memory config = _resourceConfig();
        ResourceParams memory market = params;
        if (market.prevBlockNum != block.number) {
            market.prevBaseFee = _nextBaseFee(market, config);
            market.prevBoughtGas = 0;
            market.prevBlockNum = uint64(block.number);
        }
        if (amount > config.maxResourceLimit || market.prevBoughtGas + amount > config.maxResourceLimit) {
            revert OutOfGas();
        }
        market.prevBoughtGas += amount;
        params = market;

        uint256 cost = uint256(amount) * market.prevBaseFee / Math.max(block.basefee, 1 gwei);
        uint256 spent = gasBefore - gasleft();
        if (cost > spent) GasBurn.burn(cost - spent);
    }

    function _nextBaseFee(ResourceParams memory market, ResourceConfig memory config) private view returns (uint128) {
        int256 target = int256(uint256(config.maxResourceLimit / config.elasticityMultiplier));
        int256 price = int256(uint256(market.prevBaseFee));
        int256 excess = int256(uint256(market.prevBoughtGas)) - target;
        price += price * excess / target / int256(uint256(config.baseFeeMaxChangeDenominator));
        price = _clamp(price, config);

        uint256 emptyBlocks = block.number - market.prevBlockNum - 1;
        if (emptyBlocks >= DECAYED_BLOCKS) return config.minimumBaseFee;
        if (emptyBlocks > 0) {
            uint256 kept = _power(ONE - ONE / config.baseFeeMaxChangeDenominator, emptyBlocks);
            price = _clamp(int256(Math.mulDiv(uint256(price), kept, ONE)), config);
        }
        return uint128(uint256(price));
    }

    function _clamp(int256 price, ResourceConfig memory config) private pure returns (int256) {
        int256 atLeast = SignedMath.max(price, int256(uint256(config.minimumBaseFee)));
        return SignedMath.min(atLeast, int256(uint256(config.maximumBaseFee)));
    }

    /// @dev `factor ** exponent` in fixed point, by squaring.
    function _power(uint256 factor, uint256 exponent) private pure returns (uint256 result) {
        result = ONE;
        for (; exponent > 0; exponent >>= 1) {
            if (exponent & 1 == 1) result = result * factor / ONE;
            factor = factor * factor / ONE;
        }
    }
}
