// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {FastLz} from "../libraries/FastLz.sol";
import {L1Block} from "./L1Block.sol";

/// @title GasPriceOracle
/// @notice Estimates the fees that come on top of L2 gas: for L1 data (Fjord), and the operator's (Isthmus).
///         Spec: fjord/predeploys.md, isthmus/predeploys.md.
contract GasPriceOracle {
    L1Block internal constant L1_BLOCK = L1Block(0x4200000000000000000000000000000000000015);

    uint256 public constant DECIMALS = 6;

    /// @notice The linear model of a transaction's share of a batch, in millionths of a byte.
    int256 internal constant COST_INTERCEPT = -42_585_600;
    int256 internal constant COST_FASTLZ_COEFFICIENT = 836_500;
    int256 internal constant MIN_TRANSACTION_SIZE = 100e6;

    /// @notice What a signature adds to an unsigned transaction, in compressed bytes.
    uint256 internal constant SIGNATURE_SIZE = 68;

    bool public constant isEcotone = true;
    bool public constant isFjord = true;
    bool public constant isIsthmus = true;

    /// @notice The L1 fee of a transaction, in wei.
    /// @param unsignedTransaction Its encoding without a signature.
    function getL1Fee(bytes memory unsignedTransaction) external view returns (uint256) {
        return _l1Fee(FastLz.compressedLength(unsignedTransaction) + SIGNATURE_SIZE);
    }

    /// @notice A fee that is hardly ever exceeded, from the size alone and so for little gas.
    function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256) {
        uint256 size = unsignedTxSize + SIGNATURE_SIZE;
        return _l1Fee(size + size / 255 + 16);
    }

    /// @notice L1 gas of the transaction's data, were it calldata without zero bytes.
    function getL1GasUsed(bytes memory unsignedTransaction) external pure returns (uint256) {
        return _estimatedSize(FastLz.compressedLength(unsignedTransaction) + SIGNATURE_SIZE) * 16 / 10 ** DECIMALS;
    }

    /// @notice The operator fee of a transaction that uses so much L2 gas, in wei.
    function getOperatorFee(uint256 gasUsed) external view returns (uint256) {
        uint256 variablePart = Math.saturatingMul(gasUsed, L1_BLOCK.operatorFeeScalar()) / 1e6;
        return Math.saturatingAdd(variablePart, L1_BLOCK.operatorFeeConstant());
    }

    function gasPrice() external view returns (uint256) {
        return block.basefee;
    }

    function baseFee() external view returns (uint256) {
        return block.basefee;
    }

    function l1BaseFee() public view returns (uint256) {
        return L1_BLOCK.basefee();
    }

    function blobBaseFee() public view returns (uint256) {
        return L1_BLOCK.blobBaseFee();
    }

    function baseFeeScalar() public view returns (uint32) {
        return L1_BLOCK.baseFeeScalar();
    }

    function blobBaseFeeScalar() public view returns (uint32) {
        return L1_BLOCK.blobBaseFeeScalar();
    }

    function operatorFeeScalar() external view returns (uint32) {
        return L1_BLOCK.operatorFeeScalar();
    }

    function operatorFeeConstant() external view returns (uint64) {
        return L1_BLOCK.operatorFeeConstant();
    }

    function decimals() external pure returns (uint256) {
        return DECIMALS;
    }

    function overhead() external pure returns (uint256) {
        revert("GasPriceOracle: overhead() is deprecated");
    }

    function scalar() external pure returns (uint256) {
        revert("GasPriceOracle: scalar() is deprecated");
    }

    function version() external pure returns (string memory) {
        return "1.4.0";
    }

    function _l1Fee(uint256 compressedSize) private view returns (uint256) {
        uint256 price = uint256(baseFeeScalar()) * 16 * l1BaseFee() + uint256(blobBaseFeeScalar()) * blobBaseFee();
        return _estimatedSize(compressedSize) * price / 10 ** (DECIMALS * 2);
    }

    /// @dev In millionths of a byte.
    function _estimatedSize(uint256 compressedSize) private pure returns (uint256) {
        int256 size = COST_INTERCEPT + COST_FASTLZ_COEFFICIENT * int256(compressedSize);
        return uint256(size < MIN_TRANSACTION_SIZE ? MIN_TRANSACTION_SIZE : size);
    }
}
