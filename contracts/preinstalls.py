"""
Code that stands at a well-known address on many chains, and so on ours. Spec: preinstalls.md, EIP-4788, EIP-2935.

The two system contracts and the deployer are given by their specifications byte for byte; Multicall3 is our own
contract with the known interface.
"""

from contracts.artifact import deployed_bytecode

BEACON_ROOTS = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")
"""EIP-4788: the last 8,191 parent beacon block roots, by timestamp."""

HISTORY_STORAGE = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")
"""EIP-2935: the last 8,191 block hashes, by number."""

DETERMINISTIC_DEPLOYER = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
"""Creates contracts by CREATE2: calldata is the salt and the init code."""

MULTICALL3 = bytes.fromhex("ca11bde05977b3631167028862be2a173976ca11")

BEACON_ROOTS_CODE = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff810690815414603c"
    "575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500"
)

HISTORY_STORAGE_CODE = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff814303116042576"
    "11fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
)

DETERMINISTIC_DEPLOYER_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd"
    "5b8082525050506014600cf3"
)

PREINSTALLED_CODE = {
    BEACON_ROOTS: BEACON_ROOTS_CODE,
    HISTORY_STORAGE: HISTORY_STORAGE_CODE,
    DETERMINISTIC_DEPLOYER: DETERMINISTIC_DEPLOYER_CODE,
    MULTICALL3: deployed_bytecode("Multicall3"),
}
"""Code by address."""
