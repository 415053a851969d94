// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title FastLz
/// @notice Length of data compressed with FastLZ level 1, as the L1 fee of Fjord uses it. The search for matches must
///         find exactly what the engine finds. Spec: fjord/exec-engine.md.
library FastLz {
    /// @dev Of the table of last positions: 8192 entries of 4 bytes.
    uint256 private constant TABLE_BYTES = 32_768;

    /// @dev The table begins empty, that is with zeros; fresh memory may hold anything.
    function compressedLength(bytes memory data) internal pure returns (uint256 total) {
        assembly ("memory-safe") {
            /// Three bytes at `pointer`, as the top 24 bits of a word.
            function three(pointer) -> value {
                value := and(mload(pointer), shl(232, 0xffffff))
            }
            /// Where the table keeps the last position of these three bytes; they are read in little-endian order.
            function entryOf(table, value) -> entry {
                let little := or(shl(16, byte(2, value)), or(shl(8, byte(1, value)), byte(0, value)))
                entry := add(table, shl(2, and(shr(19, mul(2654435769, little)), 0x1fff)))
            }
            function put(entry, position) {
                mstore(entry, or(shl(224, position), and(mload(entry), shr(32, not(0)))))
            }
            function literals(count) -> size {
                size := mul(33, shr(5, count))
                let rest := and(count, 31)
                if rest { size := add(size, add(rest, 1)) }
            }

            let length := mload(data)
            let start := add(data, 32)
            let table := mload(0x40)
            // Copying from beyond the calldata writes zeros; one word more, since entries are written as words.
            calldatacopy(table, calldatasize(), add(TABLE_BYTES, 32))

            let anchor := 0
            let limit := 0
            if gt(length, 13) { limit := sub(length, 13) }
            for { let position := 2 } lt(position, limit) { } {
                let reference := 0
                let distance := 0
                for { } 1 { } {
                    let here := three(add(start, position))
                    let entry := entryOf(table, here)
                    reference := shr(224, mload(entry))
                    put(entry, position)
                    distance := sub(position, reference)
                    if iszero(lt(position, limit)) { break }
                    position := add(position, 1)
                    if and(lt(distance, 0x2000), eq(here, three(add(start, reference)))) { break }
                }
                if iszero(lt(position, limit)) { break }
                position := sub(position, 1)
                total := add(total, literals(sub(position, anchor)))

                // Bytes that are equal after the first three; the last four bytes of the data are never part of it.
                let run := 0
                let longest := sub(add(limit, 9), add(position, 3))
                for { } lt(run, longest) { run := add(run, 1) } {
                    let a := mload(add(start, add(add(reference, 3), run)))
                    let b := mload(add(start, add(add(position, 3), run)))
                    if byte(0, xor(a, b)) {
                        // The byte that differs is counted, as the original does.
                        run := add(run, 1)
                        break
                    }
                }
                let match := sub(run, 1)
                total := add(total, mul(3, div(match, 262)))
                total := add(total, add(2, gt(mod(match, 262), 5)))

                position := add(position, run)
                put(entryOf(table, three(add(start, position))), position)
                position := add(position, 1)
                put(entryOf(table, three(add(start, position))), position)
                position := add(position, 1)
                anchor := position
            }
            total := add(total, literals(sub(length, anchor)))
        }
    }
}
