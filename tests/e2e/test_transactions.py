"""What an ordinary client does with the L2 node: transfers of every type, contracts, logs."""

from web3.types import TxReceipt

from .chain_clients import ETHER, GWEI, RECIPIENT, TRANSFER_GAS, Clients, call_fields, deploy, send_and_wait


def transfer(clients: Clients, fields: dict[str, object]) -> TxReceipt:
    sender = clients.account(0)
    before = clients.l2.eth.get_balance(RECIPIENT)
    receipt = send_and_wait(clients.l2, sender, {"to": RECIPIENT, "value": 5, **fields})

    assert receipt["status"] == 1
    assert clients.l2.eth.get_balance(RECIPIENT) == before + 5
    return receipt


def test_transfer_of_type_0(clients: Clients) -> None:
    receipt = transfer(clients, {"gasPrice": 10 * GWEI, "gas": TRANSFER_GAS})

    assert (receipt["type"], receipt["gasUsed"]) == (0, TRANSFER_GAS)


def test_transfer_of_type_1(clients: Clients) -> None:
    access_list = [{"address": RECIPIENT, "storageKeys": ["0x" + "00" * 32]}]
    receipt = transfer(clients, {"type": 1, "gasPrice": 10 * GWEI, "accessList": access_list, "gas": 50_000})

    assert (receipt["type"], receipt["gasUsed"]) == (1, TRANSFER_GAS + 2_400 + 1_900)


def test_transfer_of_type_2(clients: Clients) -> None:
    receipt = transfer(clients, {"gas": TRANSFER_GAS})

    assert (receipt["type"], receipt["gasUsed"]) == (2, TRANSFER_GAS)


def test_authorization_lets_an_account_run_a_contract(clients: Clients) -> None:
    """Type 4: the account's own storage counts after it delegated to the counter."""
    owner, sponsor = clients.account(4), clients.account(5)
    counter = deploy(clients.l2, sponsor, "Counter")
    nonce = clients.l2.eth.get_transaction_count(owner.address, "pending")
    authorization = owner.sign_authorization({"chainId": 901, "address": counter.address, "nonce": nonce})
    delegated = clients.l2.eth.contract(address=owner.address, abi=counter.abi)
    before = clients.l2.eth.get_storage_at(owner.address, 0)
    call = {**call_fields(delegated, "increment"), "authorizationList": [authorization]}
    receipt = send_and_wait(clients.l2, sponsor, call)

    assert (receipt["type"], receipt["status"]) == (4, 1)
    code = bytes(clients.l2.eth.get_code(owner.address))
    assert code == bytes.fromhex("ef0100") + bytes.fromhex(counter.address[2:])
    after = clients.l2.eth.get_storage_at(owner.address, 0)
    assert int.from_bytes(after, "big") == int.from_bytes(before, "big") + 1
    assert counter.functions.count().call() == 0


def test_contract_is_deployed_called_and_its_logs_are_found(clients: Clients) -> None:
    sender = clients.account(1)
    token = deploy(clients.l2, sender, "Token", 1_000 * ETHER)
    receipt = send_and_wait(clients.l2, sender, call_fields(token, "transfer", RECIPIENT, 7))

    assert receipt["status"] == 1
    assert token.functions.balanceOf(RECIPIENT).call() == 7
    logs = clients.l2.eth.get_logs({"address": token.address, "fromBlock": receipt["blockNumber"]})
    assert [log["transactionHash"] for log in logs] == [receipt["transactionHash"]]
    event = token.events.Transfer().process_log(logs[0])
    assert event["args"] == {"from": sender.address, "to": RECIPIENT, "value": 7}
    assert clients.l2.eth.get_logs({"address": RECIPIENT, "fromBlock": receipt["blockNumber"]}) == []


def test_failing_call_is_included_with_status_0_and_changes_nothing(clients: Clients) -> None:
    sender = clients.account(1)
    counter = deploy(clients.l2, sender, "Counter")
    receipt = send_and_wait(clients.l2, sender, call_fields(counter, "fail"))

    assert receipt["status"] == 0
    assert counter.functions.count().call() == 0
