// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title TickBitmap
/// @notice Which ticks have liquidity that begins or ends there: one bit a usable tick, 256 in a word.
library TickBitmap {
    /// @notice Changes a tick's bit.
    function flip(mapping(int16 => uint256) storage words, int24 tick, int24 spacing) internal {
        int24 position = tick / spacing;
        words[int16(position >> 8)] ^= 1 << uint8(uint24(position));
    }

    /// @notice The next marked tick in the word of `tick`, at or below it, or above it; the word's last tick where there
    /// is none.
    function next(mapping(int16 => uint256) storage words, int24 tick, int24 spacing, bool down)
        internal
        view
        returns (int24, bool)
    {
        unchecked {
            int24 position = tick / spacing;
            if (tick < 0 && tick % spacing != 0) --position;
            if (!down) ++position;
            uint8 bit = uint8(uint24(position));
            uint256 word = words[int16(position >> 8)];
            if (down) {
                word &= type(uint256).max >> (255 - bit);
                int24 below = word == 0 ? int24(uint24(bit)) : int24(uint24(bit)) - int24(uint24(Math.log2(word)));
                return ((position - below) * spacing, word != 0);
            }
            word &= type(uint256).max << bit;
            uint256 found = word == 0 ? 255 : Math.log2(word & (~word + 1));
            return ((position + int24(uint24(found)) - int24(uint24(bit))) * spacing, word != 0);
        }
    }
}
