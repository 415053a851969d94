// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import {AddressAliasing} from "../libraries/AddressAliasing.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {PromisedCall} from "../libraries/PromisedCall.sol";
import {OutputProposal, OutputRootProof, ResourceConfig, WithdrawalTransaction} from "../libraries/Types.sol";
import {L2OutputOracle} from "./L2OutputOracle.sol";
import {ResourceMetering} from "./ResourceMetering.sol";
import {SystemConfig} from "./SystemConfig.sol";

/// @title OptimismPortal
/// @notice Messages between the chains, at the lowest level. Deposits leave as events that L2 derives; withdrawals are
///         proven against a proposed output, wait, and are then called. Spec: deposits.md, withdrawals.md.
contract OptimismPortal is ResourceMetering, Pausable {
    /// @notice A withdrawal that was proven but may still have to wait.
    struct ProvenWithdrawal {
        bytes32 outputRoot;
        uint128 timestamp;
        uint128 l2OutputIndex;
    }

    /// @notice A deposit, for L2 to derive. In version 0 `opaqueData` is mint, value, gas limit, creation flag, data.
    event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData);

    event WithdrawalProven(bytes32 indexed withdrawalHash, address indexed from, address indexed to);

    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);

    error BadTarget();
    error SmallGasLimit();
    error LargeCalldata();
    error Unauthorized();
    error NonReentrant();
    error InsufficientGas();
    error GasEstimation();

    uint256 internal constant DEPOSIT_VERSION = 0;

    /// @notice L2 gas of a deposit made by plainly sending ether.
    uint64 internal constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;

    /// @notice Bytes; keeps a deposit's event within what a verifier must be able to carry over its network.
    uint256 internal constant MAX_DATA_LENGTH = 120_000;

    /// @notice Value of `l2Sender` outside of a withdrawal; not zero, so that setting it is cheap.
    address internal constant NO_L2_SENDER = 0x000000000000000000000000000000000000dEaD;

    /// @notice Gas kept for what comes after a withdrawal's call.
    uint256 internal constant RESERVED_GAS = 40_000;

    L2OutputOracle public l2Oracle;
    SystemConfig public systemConfig;
    address public guardian;

    /// @notice While a withdrawal is called: its sender on L2. Otherwise 0x..dEaD.
    address public l2Sender;

    mapping(bytes32 withdrawalHash => ProvenWithdrawal) public provenWithdrawals;
    mapping(bytes32 withdrawalHash => bool) public finalizedWithdrawals;

    constructor() {
        _disableInitializers();
    }

    function initialize(L2OutputOracle l2Oracle_, SystemConfig systemConfig_, address guardian_) external initializer {
        l2Oracle = l2Oracle_;
        systemConfig = systemConfig_;
        guardian = guardian_;
        l2Sender = NO_L2_SENDER;
        _initializeMetering();
    }

    /// @notice Ether sent to the portal is a deposit to the sender's own address.
    receive() external payable {
        depositTransaction(msg.sender, msg.value, RECEIVE_DEFAULT_GAS_LIMIT, false, "");
    }

    /// @notice Takes ether without a deposit.
    function donateETH() external payable {}

    /// @notice Stops proving and finalizing. Deposits go on: L2 must stay reachable without its sequencer.
    function pause() external {
        if (msg.sender != guardian) revert Unauthorized();
        _pause();
    }

    function unpause() external {
        if (msg.sender != guardian) revert Unauthorized();
        _unpause();
    }

    /// @notice Proves that a withdrawal was passed on L2 by the time of an output. It may be proven again only when
    ///         that output is gone or has changed, since each proof restarts the wait.
    /// @param withdrawal The withdrawal.
    /// @param l2OutputIndex Index of the output in the oracle.
    /// @param outputRootProof The parts of that output root.
    /// @param withdrawalProof Trie nodes, root first, to the withdrawal's slot in the L2ToL1MessagePasser.
    function proveWithdrawalTransaction(
        WithdrawalTransaction memory withdrawal,
        uint256 l2OutputIndex,
        OutputRootProof calldata outputRootProof,
        bytes[] calldata withdrawalProof
    ) external whenNotPaused {
        if (withdrawal.target == address(this)) revert BadTarget();

        bytes32 outputRoot = l2Oracle.getL2Output(l2OutputIndex).outputRoot;
        require(
            outputRoot == Hashing.hashOutputRootProof(outputRootProof), "OptimismPortal: invalid output root proof"
        );

        bytes32 withdrawalHash = Hashing.hashWithdrawal(withdrawal);
        ProvenWithdrawal memory proven = provenWithdrawals[withdrawalHash];
        require(
            proven.timestamp == 0 || !_isOutputStill(proven.l2OutputIndex, proven.outputRoot),
            "OptimismPortal: withdrawal hash has already been proven"
        );

        bytes32 slot = keccak256(abi.encode(withdrawalHash, uint256(0)));
        require(
            TrieProof.verify(
                hex"01",
                outputRootProof.messagePasserStorageRoot,
                abi.encodePacked(keccak256(abi.encode(slot))),
                withdrawalProof
            ),
            "OptimismPortal: invalid withdrawal inclusion proof"
        );

        provenWithdrawals[withdrawalHash] =
            ProvenWithdrawal(outputRoot, uint128(block.timestamp), uint128(l2OutputIndex));
        emit WithdrawalProven(withdrawalHash, withdrawal.sender, withdrawal.target);
    }

    /// @notice Calls a proven withdrawal once its proof and its output have both waited the finalization period.
    ///         A call that fails is not repeated; its ether stays here.
    function finalizeWithdrawalTransaction(WithdrawalTransaction memory withdrawal) external whenNotPaused {
        if (l2Sender != NO_L2_SENDER) revert NonReentrant();

        bytes32 withdrawalHash = Hashing.hashWithdrawal(withdrawal);
        ProvenWithdrawal memory proven = provenWithdrawals[withdrawalHash];
        require(proven.timestamp != 0, "OptimismPortal: withdrawal has not been proven yet");
        require(
            _hasPeriodPassed(proven.timestamp), "OptimismPortal: proven withdrawal finalization period has not elapsed"
        );

        require(
            _isOutputStill(proven.l2OutputIndex, proven.outputRoot),
            "OptimismPortal: output root proven is not the same as current output root"
        );
        require(
            isOutputFinalized(proven.l2OutputIndex),
            "OptimismPortal: output proposal finalization period has not elapsed"
        );
        require(!finalizedWithdrawals[withdrawalHash], "OptimismPortal: withdrawal has already been finalized");

        finalizedWithdrawals[withdrawalHash] = true;
        l2Sender = withdrawal.sender;
        bool success = _call(withdrawal);
        l2Sender = NO_L2_SENDER;

        emit WithdrawalFinalized(withdrawalHash, success);
        // An estimate must not stop at the least gas with which only the outer call succeeds.
        if (!success && tx.origin == address(1)) revert GasEstimation();
    }

    /// @notice Whether nobody can delete the output any more.
    function isOutputFinalized(uint256 l2OutputIndex) public view returns (bool) {
        return _hasPeriodPassed(l2Oracle.getL2Output(l2OutputIndex).timestamp);
    }

    /// @notice Puts a transaction into L2 as the caller; contracts appear there under their alias.
    /// @param to Target on L2; must be zero for a creation.
    /// @param value Wei to send on L2. What is sent here is minted to the sender there first.
    /// @param gasLimit L2 gas, bought here by burning L1 gas.
    function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes memory data)
        public
        payable
        metered(gasLimit)
    {
        if (isCreation && to != address(0)) revert BadTarget();
        if (data.length > MAX_DATA_LENGTH) revert LargeCalldata();
        if (gasLimit < minimumGasLimit(uint64(data.length))) revert SmallGasLimit();

        address from = AddressAliasing.senderHasKey() ? msg.sender : AddressAliasing.toL2(msg.sender);
        emit TransactionDeposited(
            from, to, DEPOSIT_VERSION, abi.encodePacked(msg.value, value, gasLimit, isCreation, data)
        );
    }

    /// @notice Least gas limit of a deposit with so many bytes of data: what L2 charges before it runs anything.
    function minimumGasLimit(uint64 byteCount) public pure returns (uint64) {
        return byteCount * 40 + 21_000;
    }

    function version() external pure returns (string memory) {
        return "2.8.0";
    }

    function _resourceConfig() internal view override returns (ResourceConfig memory) {
        return systemConfig.resourceConfig();
    }

    function _hasPeriodPassed(uint256 since) private view returns (bool) {
        return block.timestamp > since + l2Oracle.FINALIZATION_PERIOD_SECONDS();
    }

    function _isOutputStill(uint256 index, bytes32 outputRoot) private view returns (bool) {
        if (index >= l2Oracle.nextOutputIndex()) return false;
        return l2Oracle.getL2Output(index).outputRoot == outputRoot;
    }

    /// @dev Makes sure that the target gets the gas that was promised on L2.
    function _call(WithdrawalTransaction memory withdrawal) private returns (bool) {
        if (!PromisedCall.isAffordable(withdrawal.gasLimit, RESERVED_GAS)) revert InsufficientGas();
        return PromisedCall.call(
            withdrawal.target, gasleft() - RESERVED_GAS, withdrawal.value, withdrawal.data
        );
    }
}
