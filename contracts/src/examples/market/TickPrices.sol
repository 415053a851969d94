// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title TickPrices
/// @notice Prices on a grid of ticks: tick i stands for the price 1.0001^i. Pools keep its square root with 96 bits
/// behind the point.
library TickPrices {
    int24 internal constant MAX_TICK = 887_272;

    /// @notice Square roots of the prices of the lowest and the highest tick.
    uint160 internal constant MIN_SQRT_PRICE = 4295128739;
    uint160 internal constant MAX_SQRT_PRICE = 1461446703485210103287273052203988822378723970342;

    /// @dev 2^64 / log2(sqrt(1.0001)).
    int256 private constant TICKS_OF_A_DOUBLING = 255738958999603826347140;

    /// @dev A hundredth of a tick, with 128 bits behind the point: what rounding may have added to an estimate.
    int256 private constant ESTIMATE_MARGIN = int256(uint256(1 << 128)) / 100;

    /// @notice The square root of the price of a tick, rounded up.
    /// @dev Multiplies the powers 1.0001^(-2^k / 2) of the tick's bits, with 128 bits behind the point.
    function sqrtPriceAt(int24 tick) internal pure returns (uint160) {
        uint256 distance = uint256(int256(tick < 0 ? -tick : tick));
        require(distance <= uint256(int256(MAX_TICK)), "TickPrices: tick");
        uint256 ratio = 1 << 128;
        ratio = _times(ratio, distance, 0x1, 0xfffcb933bd6fad37aa2d162d1a594001);
        ratio = _times(ratio, distance, 0x2, 0xfff97272373d413259a46990580e213a);
        ratio = _times(ratio, distance, 0x4, 0xfff2e50f5f656932ef12357cf3c7fdcc);
        ratio = _times(ratio, distance, 0x8, 0xffe5caca7e10e4e61c3624eaa0941cd0);
        ratio = _times(ratio, distance, 0x10, 0xffcb9843d60f6159c9db58835c926644);
        ratio = _times(ratio, distance, 0x20, 0xff973b41fa98c081472e6896dfb254c0);
        ratio = _times(ratio, distance, 0x40, 0xff2ea16466c96a3843ec78b326b52861);
        ratio = _times(ratio, distance, 0x80, 0xfe5dee046a99a2a811c461f1969c3053);
        ratio = _times(ratio, distance, 0x100, 0xfcbe86c7900a88aedcffc83b479aa3a4);
        ratio = _times(ratio, distance, 0x200, 0xf987a7253ac413176f2b074cf7815e54);
        ratio = _times(ratio, distance, 0x400, 0xf3392b0822b70005940c7a398e4b70f3);
        ratio = _times(ratio, distance, 0x800, 0xe7159475a2c29b7443b29c7fa6e889d9);
        ratio = _times(ratio, distance, 0x1000, 0xd097f3bdfd2022b8845ad8f792aa5825);
        ratio = _times(ratio, distance, 0x2000, 0xa9f746462d870fdf8a65dc1f90e061e5);
        ratio = _times(ratio, distance, 0x4000, 0x70d869a156d2a1b890bb3df62baf32f7);
        ratio = _times(ratio, distance, 0x8000, 0x31be135f97d08fd981231505542fcfa6);
        ratio = _times(ratio, distance, 0x10000, 0x09aa508b5b7a84e1c677de54f3e99bc9);
        ratio = _times(ratio, distance, 0x20000, 0x005d6af8dedb81196699c329225ee604);
        ratio = _times(ratio, distance, 0x40000, 0x00002216e584f5fa1ea926041bedfe98);
        ratio = _times(ratio, distance, 0x80000, 0x00000000048a170391f7dc42444e8fa2);
        if (tick > 0) ratio = type(uint256).max / ratio;
        return uint160((ratio + type(uint32).max) >> 32);
    }

    /// @notice The greatest tick whose price is at most the one given.
    function tickAt(uint160 sqrtPrice) internal pure returns (int24) {
        require(sqrtPrice >= MIN_SQRT_PRICE && sqrtPrice < MAX_SQRT_PRICE, "TickPrices: price");
        int256 estimate = _log2(sqrtPrice) * TICKS_OF_A_DOUBLING - ESTIMATE_MARGIN;
        int24 tick = int24(estimate >> 128);
        // The logarithm is short by less than nine tenths of a tick.
        return sqrtPriceAt(tick + 1) <= sqrtPrice ? tick + 1 : tick;
    }

    function _times(uint256 ratio, uint256 distance, uint256 bit, uint256 factor) private pure returns (uint256) {
        unchecked {
            return distance & bit == 0 ? ratio : (ratio * factor) >> 128;
        }
    }

    /// @dev log2(sqrtPrice / 2^96), rounded down, with 64 bits behind the point of which the first 14 are right.
    function _log2(uint160 sqrtPrice) private pure returns (int256 result) {
        unchecked {
            uint256 exponent = Math.log2(sqrtPrice);
            uint256 mantissa = exponent >= 127 ? uint256(sqrtPrice) >> (exponent - 127) : uint256(sqrtPrice) << (127 - exponent);
            result = (int256(exponent) - 96) << 64;
            for (uint256 place = 63; place > 49; --place) {
                mantissa = (mantissa * mantissa) >> 127;
                uint256 bit = mantissa >> 128;
                result |= int256(bit << place);
                mantissa >>= bit;
            }
        }
    }
}
