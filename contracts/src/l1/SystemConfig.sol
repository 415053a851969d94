// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {StorageSlot} from "@openzeppelin/contracts/utils/StorageSlot.sol";
import {ResourceConfig} from "../libraries/Types.sol";

/// @title SystemConfig
/// @notice The settings of L2 that may change. L2 learns of a change by its event alone, so every setter emits one.
///         Spec: system-config.md.
contract SystemConfig is Ownable, Initializable {
    enum UpdateType {
        BATCHER,
        FEE_SCALARS,
        GAS_LIMIT,
        UNSAFE_BLOCK_SIGNER,
        EIP_1559_PARAMS,
        OPERATOR_FEE_PARAMS
    }

    /// @notice First settings; the names are those of the getters.
    struct Settings {
        address owner;
        address unsafeBlockSigner;
        bytes32 batcherHash;
        uint64 gasLimit;
        uint32 basefeeScalar;
        uint32 blobbasefeeScalar;
        uint32 eip1559Denominator;
        uint32 eip1559Elasticity;
        uint32 operatorFeeScalar;
        uint64 operatorFeeConstant;
        address batchInbox;
    }

    /// @notice The other contracts of this chain.
    /// @param disputeGameFactory Always zero: outputs are in the L2OutputOracle.
    struct Addresses {
        address l1CrossDomainMessenger;
        address l1ERC721Bridge;
        address l1StandardBridge;
        address disputeGameFactory;
        address optimismPortal;
        address optimismMintableERC20Factory;
    }

    event ConfigUpdate(uint256 indexed version, UpdateType indexed updateType, bytes data);

    uint256 public constant VERSION = 0;

    /// @notice Verifiers read this slot by proof.
    bytes32 public constant UNSAFE_BLOCK_SIGNER_SLOT = keccak256("systemconfig.unsafeblocksigner");

    /// @notice L2 gas; above it a block could take too long for verifiers.
    uint64 internal constant MAX_GAS_LIMIT = 500_000_000;

    /// @notice The part of the fee formula before Ecotone that is no longer read; kept for its getter.
    uint256 public overhead;

    /// @notice Version byte 1, then at [24:28) the blob base fee scalar and at [28:32) the base fee scalar.
    uint256 public scalar;

    /// @notice Version 0: the batcher's address, left-padded.
    bytes32 public batcherHash;

    /// @notice Gas limit of an L2 block.
    uint64 public gasLimit;
    uint32 public basefeeScalar;
    uint32 public blobbasefeeScalar;
    uint32 public eip1559Denominator;
    uint32 public eip1559Elasticity;
    uint32 public operatorFeeScalar;
    uint64 public operatorFeeConstant;

    /// @notice L1 block at which these contracts began.
    uint256 public startBlock;
    address public batchInbox;
    address public l1CrossDomainMessenger;
    address public l1ERC721Bridge;
    address public l1StandardBridge;
    address public optimismPortal;
    address public optimismMintableERC20Factory;

    constructor() Ownable(0x000000000000000000000000000000000000dEaD) {
        _disableInitializers();
    }

    function initialize(Settings calldata settings, Addresses calldata addresses) external initializer {
        require(addresses.disputeGameFactory == address(0), "SystemConfig: there are no dispute games");
        _transferOwnership(settings.owner);
        startBlock = block.number;
        batchInbox = settings.batchInbox;
        l1CrossDomainMessenger = addresses.l1CrossDomainMessenger;
        l1ERC721Bridge = addresses.l1ERC721Bridge;
        l1StandardBridge = addresses.l1StandardBridge;
        optimismPortal = addresses.optimismPortal;
        optimismMintableERC20Factory = addresses.optimismMintableERC20Factory;
        _setBatcherHash(settings.batcherHash);
        _setFeeScalars(settings.basefeeScalar, settings.blobbasefeeScalar);
        _setGasLimit(settings.gasLimit);
        _setUnsafeBlockSigner(settings.unsafeBlockSigner);
        _setEIP1559Params(settings.eip1559Denominator, settings.eip1559Elasticity);
        _setOperatorFeeScalars(settings.operatorFeeScalar, settings.operatorFeeConstant);
    }

    /// @notice Changes who may post batches. It counts for the whole L1 block, also for batches before this call.
    function setBatcherHash(bytes32 batcherHash_) external onlyOwner {
        _setBatcherHash(batcherHash_);
    }

    /// @notice Sets the scalars in the layout of before Ecotone. Only the base fee scalar is left of it, so nothing
    ///         else may be set; `setGasConfigEcotone` is the one to use.
    function setGasConfig(uint256 overhead_, uint256 scalar_) external onlyOwner {
        require(overhead_ == 0, "SystemConfig: overhead is no longer used");
        require(scalar_ <= type(uint32).max, "SystemConfig: scalar exceeds max");
        _setFeeScalars(uint32(scalar_), 0);
    }

    /// @notice Sets what L2 users pay for L1: 1e6 is once the L1 cost.
    function setGasConfigEcotone(uint32 basefeeScalar_, uint32 blobbasefeeScalar_) external onlyOwner {
        _setFeeScalars(basefeeScalar_, blobbasefeeScalar_);
    }

    function setGasLimit(uint64 gasLimit_) external onlyOwner {
        _setGasLimit(gasLimit_);
    }

    function setUnsafeBlockSigner(address unsafeBlockSigner_) external onlyOwner {
        _setUnsafeBlockSigner(unsafeBlockSigner_);
    }

    function setEIP1559Params(uint32 denominator, uint32 elasticity) external onlyOwner {
        _setEIP1559Params(denominator, elasticity);
    }

    function setOperatorFeeScalars(uint32 operatorFeeScalar_, uint64 operatorFeeConstant_) external onlyOwner {
        _setOperatorFeeScalars(operatorFeeScalar_, operatorFeeConstant_);
    }

    function unsafeBlockSigner() external view returns (address) {
        return StorageSlot.getAddressSlot(UNSAFE_BLOCK_SIGNER_SLOT).value;
    }

    /// @notice Where the other contracts of this chain stand, for clients that know this one.
    function getAddresses() external view returns (Addresses memory) {
        return Addresses({
            l1CrossDomainMessenger: l1CrossDomainMessenger,
            l1ERC721Bridge: l1ERC721Bridge,
            l1StandardBridge: l1StandardBridge,
            disputeGameFactory: disputeGameFactory(),
            optimismPortal: optimismPortal,
            optimismMintableERC20Factory: optimismMintableERC20Factory
        });
    }

    /// @notice The token that pays for gas on L2: always ether, in the form that clients of the interface expect.
    function gasPayingToken() external pure returns (address addr, uint8 decimals) {
        return (0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE, 18);
    }

    function isCustomGasToken() external pure returns (bool) {
        return false;
    }

    /// @notice None: outputs are in the L2OutputOracle.
    function disputeGameFactory() public pure returns (address) {
        return address(0);
    }

    /// @notice An L2 block must hold all the deposits that an L1 block can buy, and the attributes transaction.
    function minimumGasLimit() public pure returns (uint64) {
        ResourceConfig memory config = resourceConfig();
        return uint64(config.maxResourceLimit) + uint64(config.systemTxMaxGas);
    }

    function maximumGasLimit() public pure returns (uint64) {
        return MAX_GAS_LIMIT;
    }

    /// @notice The market for deposits' gas.
    function resourceConfig() public pure returns (ResourceConfig memory) {
        return ResourceConfig({
            maxResourceLimit: 20_000_000,
            elasticityMultiplier: 10,
            baseFeeMaxChangeDenominator: 8,
            minimumBaseFee: 1 gwei,
            systemTxMaxGas: 1_000_000,
            maximumBaseFee: type(uint128).max
        });
    }

    function version() external pure returns (string memory) {
        return "2.5.0";
    }

    function _setBatcherHash(bytes32 batcherHash_) private {
        // Verifiers read an address; what is none would leave them with the batcher of before.
        require(uint256(batcherHash_) <= type(uint160).max, "SystemConfig: batcher hash is no address");
        batcherHash = batcherHash_;
        emit ConfigUpdate(VERSION, UpdateType.BATCHER, abi.encode(batcherHash_));
    }

    function _setFeeScalars(uint32 basefeeScalar_, uint32 blobbasefeeScalar_) private {
        basefeeScalar = basefeeScalar_;
        blobbasefeeScalar = blobbasefeeScalar_;
        scalar = (uint256(1) << 248) | (uint256(blobbasefeeScalar_) << 32) | basefeeScalar_;
        emit ConfigUpdate(VERSION, UpdateType.FEE_SCALARS, abi.encode(overhead, scalar));
    }

    function _setGasLimit(uint64 gasLimit_) private {
        require(gasLimit_ >= minimumGasLimit(), "SystemConfig: gas limit too low");
        require(gasLimit_ <= maximumGasLimit(), "SystemConfig: gas limit too high");
        gasLimit = gasLimit_;
        emit ConfigUpdate(VERSION, UpdateType.GAS_LIMIT, abi.encode(gasLimit_));
    }

    function _setUnsafeBlockSigner(address unsafeBlockSigner_) private {
        StorageSlot.getAddressSlot(UNSAFE_BLOCK_SIGNER_SLOT).value = unsafeBlockSigner_;
        emit ConfigUpdate(VERSION, UpdateType.UNSAFE_BLOCK_SIGNER, abi.encode(unsafeBlockSigner_));
    }

    function _setEIP1559Params(uint32 denominator, uint32 elasticity) private {
        require(denominator >= 1, "SystemConfig: denominator must be >= 1");
        require(elasticity >= 1, "SystemConfig: elasticity must be >= 1");
        eip1559Denominator = denominator;
        eip1559Elasticity = elasticity;
        emit ConfigUpdate(
            VERSION, UpdateType.EIP_1559_PARAMS, abi.encode((uint256(denominator) << 32) | uint256(elasticity))
        );
    }

    function _setOperatorFeeScalars(uint32 operatorFeeScalar_, uint64 operatorFeeConstant_) private {
        operatorFeeScalar = operatorFeeScalar_;
        operatorFeeConstant = operatorFeeConstant_;
        emit ConfigUpdate(
            VERSION,
            UpdateType.OPERATOR_FEE_PARAMS,
            abi.encode((uint256(operatorFeeScalar_) << 64) | uint256(operatorFeeConstant_))
        );
    }
}
