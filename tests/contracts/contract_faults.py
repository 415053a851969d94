"""
Faults put into the L1 contracts on purpose, each with the Solidity suite that must notice it.

A suite that can not fail is found by them.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """One edit of a contract: `right` is there once, `wrong` takes its place."""

    name: str
    suite: str
    source: str
    right: str
    wrong: str

    def put_into(self, sources: Path) -> None:
        """Edit the contract below `sources`, a copy of the contracts' folder `src`."""
        path = sources / self.source
        text = path.read_text(encoding="utf-8")
        assert text.count(self.right) == 1, f"{self.source} no longer has once: {self.right}"
        path.write_text(text.replace(self.right, self.wrong), encoding="utf-8")


PORTAL = "l1/OptimismPortal.sol"
ORACLE = "l1/L2OutputOracle.sol"
METERING = "l1/ResourceMetering.sol"
CONFIG = "l1/SystemConfig.sol"
MESSENGER = "bridges/CrossDomainMessenger.sol"
BRIDGE = "bridges/StandardBridge.sol"
NFT_BRIDGE = "l1/L1ERC721Bridge.sol"
ALIASING = "libraries/AddressAliasing.sol"

FAULTS = [
    Fault(
        "an output is still deleted when it is just final",
        "OutputOracle",
        ORACLE,
        "timestamp < finalizationPeriodSeconds,",
        "timestamp <= finalizationPeriodSeconds,",
    ),
    Fault(
        "an output of this very second is taken",
        "OutputOracle",
        ORACLE,
        "computeL2Timestamp(l2BlockNumber) < block.timestamp,",
        "computeL2Timestamp(l2BlockNumber) <= block.timestamp,",
    ),
    Fault("anybody proposes", "OutputOracle", ORACLE, "msg.sender == proposer,", "msg.sender != challenger,"),
    Fault(
        "the last purchase of a block counts alone",
        "DepositMarket",
        METERING,
        "market.prevBoughtGas += amount;",
        "market.prevBoughtGas = amount;",
    ),
    Fault(
        "an empty block too many",
        "DepositMarket",
        METERING,
        "block.number - market.prevBlockNum - 1;",
        "block.number - market.prevBlockNum;",
    ),
    Fault(
        "no highest price",
        "DepositMarket",
        METERING,
        "return SignedMath.min(atLeast, int256(uint256(config.maximumBaseFee)));",
        "return atLeast;",
    ),
    Fault("gas is not paid", "DepositMarket", METERING, "GasBurn.burn(cost - spent);", "GasBurn.burn(0);"),
    Fault(
        "the event's word is packed in another way",
        "SystemConfig",
        CONFIG,
        "(uint256(denominator) << 32) | uint256(elasticity)",
        "(uint256(denominator) << 64) | uint256(elasticity)",
    ),
    Fault(
        "anybody sets the operator fee",
        "SystemConfig",
        CONFIG,
        "operatorFeeConstant_) external onlyOwner {",
        "operatorFeeConstant_) external {",
    ),
    Fault(
        "any gas limit is taken",
        "SystemConfig",
        CONFIG,
        'require(gasLimit_ <= maximumGasLimit(), "SystemConfig: gas limit too high");',
        "",
    ),
    Fault(
        "a withdrawal is finalized again",
        "Withdrawals",
        PORTAL,
        'require(!finalizedWithdrawals[withdrawalHash], "OptimismPortal: withdrawal has already been finalized");',
        "",
    ),
    Fault(
        "a withdrawal is finalized while paused",
        "Withdrawals",
        PORTAL,
        "finalizeWithdrawalTransaction(WithdrawalTransaction memory withdrawal) external whenNotPaused {",
        "finalizeWithdrawalTransaction(WithdrawalTransaction memory withdrawal) external {",
    ),
    Fault(
        "a withdrawal is proven while paused",
        "Withdrawals",
        PORTAL,
        "bytes[] calldata withdrawalProof\n    ) external whenNotPaused {",
        "bytes[] calldata withdrawalProof\n    ) external {",
    ),
    Fault(
        "the proof does not wait",
        "Withdrawals",
        PORTAL,
        "_hasPeriodPassed(proven.timestamp), ",
        "proven.timestamp != block.timestamp, ",
    ),
    Fault(
        "a withdrawal runs inside another",
        "Withdrawals",
        PORTAL,
        "if (l2Sender != NO_L2_SENDER) revert NonReentrant();",
        "",
    ),
    Fault(
        "a message is tried again during a pause",
        "Pausing",
        MESSENGER,
        'require(!paused(), "CrossDomainMessenger: paused");',
        "",
    ),
    Fault(
        "a portal that does not answer counts as running",
        "Pausing",
        "l1/L1CrossDomainMessenger.sol",
        "return portal.paused();",
        "try portal.paused() returns (bool answer) { return answer; } catch { return false; }",
    ),
    Fault(
        "the bridge pays tokens during a pause",
        "Pausing",
        BRIDGE,
        'require(!paused(), "StandardBridge: paused");\n        if (_isMintable(localToken)) {',
        "if (_isMintable(localToken)) {",
    ),
    Fault(
        "the bridge hands out NFTs during a pause",
        "Pausing",
        "bridges/ERC721Bridge.sol",
        'require(!paused(), "ERC721Bridge: paused");',
        "",
    ),
    Fault(
        "custody is not counted down",
        "BridgeCustody",
        BRIDGE,
        "deposits[localToken][remoteToken] -= amount;",
        "",
    ),
    Fault(
        "any message takes tokens",
        "BridgeCustody",
        BRIDGE,
        "msg.sender == address(messenger) && messenger.xDomainMessageSender() == address(otherBridge),",
        "msg.sender == address(messenger),",
    ),
    Fault(
        "an NFT leaves to another collection",
        "BridgeCustody",
        NFT_BRIDGE,
        "deposits[localToken][remoteToken][tokenId],",
        "tokenId != 0,",
    ),
    Fault(
        "any withdrawal is a message",
        "BridgeCustody",
        "l1/L1CrossDomainMessenger.sol",
        "return msg.sender == address(portal) && portal.l2Sender() == address(otherMessenger);",
        "return msg.sender == address(portal);",
    ),
    Fault(
        "a message is relayed twice",
        "BridgeCustody",
        MESSENGER,
        'require(!successfulMessages[messageHash], "CrossDomainMessenger: message has already been relayed");',
        "",
    ),
    Fault("another offset", "Aliasing", ALIASING, "0x1111000000000000000000000000000000001111", "0x1111"),
    Fault(
        "a delegated account is aliased",
        "Aliasing",
        ALIASING,
        "return bytes3(code) == 0xef0100;",
        "return false;",
    ),
    Fault(
        "a contract is initialized again",
        "Proxies",
        CONFIG,
        "Addresses calldata addresses) external initializer {",
        "Addresses calldata addresses) external {",
    ),
    Fault(
        "an implementation is left to whoever comes",
        "Proxies",
        PORTAL,
        "_disableInitializers();",
        "",
    ),
    Fault(
        "anybody upgrades",
        "Proxies",
        "TransparentProxy.sol",
        "if (msg.sender != ERC1967Utils.getAdmin()) {",
        "if (msg.sig != ITransparentUpgradeableProxy.upgradeToAndCall.selector) {",
    ),
]
"""Every suite has some."""
