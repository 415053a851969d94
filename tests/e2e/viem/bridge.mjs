// viem's op-stack actions, as they are published, on a chain of ours: ether and a token to L2 and back.
//
// Reads one line of JSON (nodes, chain ids, contracts, key, tokens) and prints one: the stages that each withdrawal was
// seen in, in order, and the balances in between. A stage is what `getWithdrawalStatus` says.

import { createInterface } from 'node:readline/promises'
import { createPublicClient, createWalletClient, defineChain, http, parseAbi, parseEther } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { getL2TransactionHashes, getWithdrawals, publicActionsL1, publicActionsL2 } from 'viem/op-stack'
import { walletActionsL1, walletActionsL2 } from 'viem/op-stack'

const POLL_MS = 100
const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11'
const L2_STANDARD_BRIDGE = '0x4200000000000000000000000000000000000010'
const ETHER = parseEther('1')
const HALF = parseEther('0.5')
const TOKENS = 1000n
const BACK = 400n

const token = parseAbi(['function approve(address,uint256) returns (bool)', 'function balanceOf(address) view returns (uint256)'])
const l1BridgeAbi = parseAbi(['function depositERC20(address,address,uint256,uint32,bytes)'])
const l2BridgeAbi = parseAbi(['function withdraw(address,uint256,uint32,bytes) payable'])

const input = JSON.parse(await createInterface({ input: process.stdin }).question(''))
const { l1_url, l2_url, l1_chain_id, l2_chain_id, contracts, private_key, l1_token, l2_token } = input
const account = privateKeyToAccount(private_key)

const currency = { name: 'Ether', symbol: 'ETH', decimals: 18 }
const multicall3 = { address: MULTICALL3 }
const l1 = defineChain({
  id: l1_chain_id, name: 'L1', nativeCurrency: currency, rpcUrls: { default: { http: [l1_url] } }, contracts: { multicall3 },
})
const l2 = defineChain({
  id: l2_chain_id, name: 'L2', nativeCurrency: currency, rpcUrls: { default: { http: [l2_url] } }, sourceId: l1.id,
  contracts: {
    multicall3,
    portal: { [l1.id]: { address: contracts.OptimismPortal } },
    l2OutputOracle: { [l1.id]: { address: contracts.L2OutputOracle } },
    l1StandardBridge: { [l1.id]: { address: contracts.L1StandardBridge } },
  },
})
const options = (chain) => ({ chain, transport: http(), pollingInterval: POLL_MS, cacheTime: 0 })
const publicL1 = createPublicClient(options(l1)).extend(publicActionsL1())
const publicL2 = createPublicClient(options(l2)).extend(publicActionsL2())
const walletL1 = createWalletClient({ account, ...options(l1) }).extend(walletActionsL1())
const walletL2 = createWalletClient({ account, ...options(l2) }).extend(walletActionsL2())

async function mined(client, hash) {
  const receipt = await client.waitForTransactionReceipt({ hash })
  if (receipt.status !== 'success') throw new Error(`${client.chain.name} transaction ${hash} failed`)
  return receipt
}

/** Waits for the L2 transaction of each deposit in an L1 receipt. */
async function arrived(receipt) {
  const hashes = getL2TransactionHashes(receipt)
  if (hashes.length !== 1) throw new Error(`${hashes.length} deposits in ${receipt.transactionHash}`)
  await mined(publicL2, hashes[0])
}

/** Asks for the status until it is `wanted`, and adds each new one to `stages`. */
async function reach(receipt, wanted, stages) {
  for (;;) {
    const status = await publicL1.getWithdrawalStatus({ receipt, targetChain: l2 })
    if (stages.at(-1) !== status) stages.push(status)
    if (status === wanted) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** The whole way of one withdrawal after its L2 transaction; returns the stages that it was seen in. */
async function bringToL1(receipt, turn) {
  const stages = []
  const [withdrawal] = getWithdrawals(receipt)
  await reach(receipt, 'ready-to-prove', stages)
  const { output } = await publicL1.waitToProve({ receipt, targetChain: l2 })
  const proof = await publicL2.buildProveWithdrawal({ output, withdrawal })
  await turn(async () => mined(publicL1, await walletL1.proveWithdrawal(proof)))
  await reach(receipt, 'waiting-to-finalize', stages)
  const wait = await publicL1.getTimeToFinalize({ withdrawalHash: withdrawal.withdrawalHash, targetChain: l2 })
  if (wait.period !== input.finalization_period) throw new Error(`the period is ${wait.period}`)
  await reach(receipt, 'ready-to-finalize', stages)
  // That is by this machine's clock; the contract goes by the time of L1's blocks.
  const now = BigInt(Math.ceil(Date.now() / 1000))
  while ((await publicL1.getBlock()).timestamp < now) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  await turn(async () => mined(publicL1, await walletL1.finalizeWithdrawal({ targetChain: l2, withdrawal })))
  await reach(receipt, 'finalized', stages)
  return stages
}

/** One account sends one transaction at a time. */
function takeTurns() {
  let last = Promise.resolve()
  return (work) => (last = last.then(work))
}

const tokens = (client, address) =>
  client.readContract({ abi: token, address, functionName: 'balanceOf', args: [account.address] })

const l2EtherBefore = await publicL2.getBalance(account)
const deposit = await publicL2.buildDepositTransaction({ account, mint: ETHER, to: account.address })
await arrived(await mined(publicL1, await walletL1.depositTransaction(deposit)))
const l2EtherGained = (await publicL2.getBalance(account)) - l2EtherBefore

const l1Bridge = contracts.L1StandardBridge
await mined(publicL1, await walletL1.writeContract({
  abi: token, address: l1_token, functionName: 'approve', args: [l1Bridge, TOKENS],
}))
await arrived(await mined(publicL1, await walletL1.writeContract({
  abi: l1BridgeAbi, address: l1Bridge, functionName: 'depositERC20', args: [l1_token, l2_token, TOKENS, 200_000, '0x'],
})))
const l2TokensGained = await tokens(publicL2, l2_token)

// With the gas named: viem would estimate it from the zero address, which is rich on Ethereum alone.
const request = await publicL1.buildInitiateWithdrawal({ account, to: account.address, value: HALF, gas: 100_000n })
const etherReceipt = await mined(publicL2, await walletL2.initiateWithdrawal(request))
const tokenReceipt = await mined(publicL2, await walletL2.writeContract({
  abi: l2BridgeAbi, address: L2_STANDARD_BRIDGE, functionName: 'withdraw', args: [l2_token, BACK, 200_000, '0x'],
}))
const l1TokensBefore = await tokens(publicL1, l1_token)
const portalBefore = await publicL1.getBalance({ address: contracts.OptimismPortal })
const turn = takeTurns()
const [ether, erc20] = await Promise.all([bringToL1(etherReceipt, turn), bringToL1(tokenReceipt, turn)])

console.log(JSON.stringify({
  stages: { ether, erc20 },
  l2_ether_gained: String(l2EtherGained),
  l2_tokens_gained: Number(l2TokensGained),
  l2_tokens_left: Number(await tokens(publicL2, l2_token)),
  l1_tokens_regained: Number((await tokens(publicL1, l1_token)) - l1TokensBefore),
  portal_paid: String(portalBefore - (await publicL1.getBalance({ address: contracts.OptimismPortal }))),
}))
