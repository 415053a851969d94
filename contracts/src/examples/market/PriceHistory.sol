// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title PriceHistory
/// @notice A ring of observations from which mean prices can be computed: sums over time of the tick, and of the time
/// that a unit of liquidity was in range.
library PriceHistory {
    struct Observation {
        uint32 time;
        int56 tickSum;
        uint160 secondsPerLiquidity;
        bool written;
    }

    /// @notice The sums at `time`, carried on from an observation. Both wrap.
    function carry(Observation memory last, uint32 time, int24 tick, uint128 liquidity)
        internal
        pure
        returns (Observation memory)
    {
        unchecked {
            uint32 elapsed = time - last.time;
            return Observation(
                time,
                last.tickSum + int56(tick) * int56(uint56(elapsed)),
                last.secondsPerLiquidity + uint160((uint256(elapsed) << 128) / (liquidity == 0 ? 1 : liquidity)),
                true
            );
        }
    }

    /// @notice Writes an observation, at most one a block; returns the index of the newest.
    function write(
        Observation[65535] storage ring,
        uint16 index,
        uint16 length,
        uint32 time,
        int24 tick,
        uint128 liquidity
    ) internal returns (uint16) {
        Observation memory last = ring[index];
        if (last.time == time) return index;
        uint16 place = (index + 1) % length;
        ring[place] = carry(last, time, tick, liquidity);
        return place;
    }
}
