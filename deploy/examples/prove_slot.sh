#!/usr/bin/env bash
# The value of one storage slot on L2, proven against the newest output on L1, with Foundry's `cast` alone.
#
#   prove_slot.sh L1_URL L2_URL ORACLE ACCOUNT SLOT
#
# The L2 node is not believed: its parts must hash to the output root that stands on L1, and every trie node to the hash
# that the node above it (or a part) names. Anything else ends with exit code 1.
set -euo pipefail

l1=$1 l2=$2 oracle=$3 account=$4 slot=$5

refuse() { echo "refused: $1" >&2; exit 1; }

# One field of a JSON object that is text, and a field that is a list of texts.
text() { sed -n "s/.*\"$2\":\"\\([^\"]*\\)\".*/\\1/p" <<<"$1"; }
list() { sed -n "s/.*\"$2\":\\[\\([^]]*\\)\\].*/\\1/p" <<<"$1" | tr -d '" ' | tr ',' ' '; }

# The items of an RLP list of strings, separated by blanks; "0x" where one is empty.
items() { cast from-rlp "$1" | tr -d '[]" \n' | tr ',' ' '; }

# walk ROOT PATH NODE...: follow the nibbles of PATH from ROOT to a value, and set `found` to it ("0x": there is none).
walk() {
    local wanted=$1 path=${2#0x} node encoded skip
    shift 2
    found=0x
    for node in "$@"; do
        [[ $(cast keccak "$node") == "$wanted" ]] || refuse "a trie node is not the one that is named above it"
        read -ra encoded <<<"$(items "$node")"
        if ((${#encoded[@]} == 17)); then
            wanted=${encoded[16#${path:0:1}]} path=${path:1}
            [[ $wanted != 0x ]] || return 0
            continue
        fi
        ((${#encoded[@]} == 2)) || refuse "a trie node has ${#encoded[@]} items"
        skip=${encoded[0]#0x}
        case ${skip:0:1} in 0 | 2) skip=${skip:2} kind=${encoded[0]:2:1} ;; *) kind=${skip:0:1} skip=${skip:1} ;; esac
        [[ $path == "$skip"* ]] || return 0
        path=${path#"$skip"}
        if ((kind >= 2)); then found=${encoded[1]}; return 0; fi
        wanted=${encoded[1]}
    done
    refuse "the proof ends before its value"
}

index=$(cast call --rpc-url "$l1" "$oracle" 'latestOutputIndex()(uint256)' | cut -d' ' -f1)
output=$(cast call --rpc-url "$l1" "$oracle" 'getL2Output(uint256)' "$index")
root=${output:0:66}
block=$(cast to-dec "0x${output:130:64}")

header=$(cast rpc --rpc-url "$l2" eth_getBlockByNumber "$(cast to-hex "$block")" false)
state_root=$(text "$header" stateRoot)
parts=$(cast concat-hex "$(cast to-uint256 0)" "$state_root" "$(text "$header" withdrawalsRoot)" "$(text "$header" hash)")
[[ $(cast keccak "$parts") == "$root" ]] || refuse "the block is not the one of output $index"

proof=$(cast rpc --rpc-url "$l2" eth_getProof "$account" "[\"$slot\"]" "$(cast to-hex "$block")")
read -ra nodes <<<"$(list "$proof" accountProof)"
walk "$state_root" "$(cast keccak "$account")" "${nodes[@]}"
[[ $found != 0x ]] || refuse "the state has no such account"
read -ra fields <<<"$(items "$found")"

read -ra nodes <<<"$(list "$(sed 's/.*"storageProof"://' <<<"$proof")" proof)"
walk "${fields[2]}" "$(cast keccak "$(cast to-uint256 "$slot")")" "${nodes[@]}"
value=0x0
[[ $found == 0x ]] || value=$(cast from-rlp "$found" | tr -d '"')
[[ $(cast to-uint256 "$value") == "$(cast to-uint256 "$(text "${proof#*storageProof}" value)")" ]] ||
    refuse "the slot holds $value, which is not what is claimed"
echo "output $index, L2 block $block: slot $slot is $(cast to-uint256 "$value")"
