"""Blobs by the beacon API: from old and new nodes, by slot or by number, and never another blob than was asked for."""

import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from batcher.codec.blob import encode_blob
from l1_bridge.beacon_client import MAX_BLOBS_PER_ANSWER, BeaconClient, BeaconEndpoint, BlobsMissing
from l1_bridge.errors import L1Unavailable, TemporaryError
from l1_bridge.kzg import compute_commitment, compute_versioned_hash
from l1_bridge.types import L1Header

BLOBS = tuple(encode_blob(bytes([number]) * 100) for number in range(3))
COMMITMENTS = tuple(compute_commitment(blob) for blob in BLOBS)
HASHES = tuple(compute_versioned_hash(commitment) for commitment in COMMITMENTS)
BLOCK = L1Header(bytes(32), bytes(32), 77, 1_700_000_120, 1, bytes(32))
GENESIS_TIME = 1_700_000_000


class FakeBeacon:
    """A beacon node; tests change what it answers between requests."""

    def __init__(self) -> None:
        self.spec: object = {"data": {"SECONDS_PER_SLOT": "12"}}
        self.genesis: object = {"data": {"genesis_time": str(GENESIS_TIME)}}
        self.blobs: object = {"data": ["0x" + blob.hex() for blob in BLOBS]}
        self.sidecars: object = None
        self.reads_one_hash = False
        self.status = 200
        self.body: bytes | None = None
        self.requests: list[str] = []
        self.url = ""

    def answer(self, read: Callable[["FakeBeacon"], object]) -> Callable[[web.Request], object]:
        async def handle(request: web.Request) -> web.Response:
            self.requests.append(request.path_qs)
            if self.status != 200:
                return web.Response(status=self.status)
            if self.body is not None:
                return web.Response(body=self.body)
            content = read(self)
            if self.reads_one_hash and "versioned_hashes" in request.query:
                content = {"data": ["0x" + BLOBS[HASHES.index(_last_hash(request))].hex()]}
            return web.Response(status=404) if content is None else web.json_response(content)

        return handle


def _last_hash(request: web.Request) -> bytes:
    return bytes.fromhex(request.query.getall("versioned_hashes")[-1][2:])


@pytest.fixture
async def beacon() -> AsyncIterator[FakeBeacon]:
    fake = FakeBeacon()
    app = web.Application()
    app.router.add_get("/eth/v1/config/spec", fake.answer(lambda node: node.spec))  # type: ignore[arg-type]
    app.router.add_get("/eth/v1/beacon/genesis", fake.answer(lambda node: node.genesis))  # type: ignore[arg-type]
    app.router.add_get("/eth/v1/beacon/blobs/{slot}", fake.answer(lambda node: node.blobs))  # type: ignore[arg-type]
    app.router.add_get(
        "/eth/v1/beacon/blob_sidecars/{slot}",
        fake.answer(lambda node: node.sidecars),  # type: ignore[arg-type]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def connect(beacon: FakeBeacon, slot_seconds: int | None = None) -> AsyncIterator[BeaconClient]:
    endpoint = BeaconEndpoint(beacon.url, slot_seconds, response_limit_bytes=4_000_000)
    async with BeaconClient.connect(endpoint) as client:
        yield client


def sidecar(index: int, **changes: object) -> dict[str, object]:
    entry = {"index": str(index), "blob": "0x" + BLOBS[index].hex(), "kzg_commitment": "0x" + COMMITMENTS[index].hex()}
    return {**entry, **changes}


async def test_blobs_come_in_the_order_of_their_hashes(beacon: FakeBeacon) -> None:
    async with connect(beacon) as client:
        blobs = await client.blobs(BLOCK, (HASHES[2], HASHES[0], HASHES[2]))

    assert blobs == (BLOBS[2], BLOBS[0], BLOBS[2])
    assert f"versioned_hashes=0x{HASHES[2].hex()}" in beacon.requests[-1]


async def test_a_node_that_answers_to_one_hash_of_several_is_asked_for_each(beacon: FakeBeacon) -> None:
    """As anvil does, once an L1 block holds more than one blob."""
    beacon.reads_one_hash = True
    async with connect(beacon) as client:
        assert await client.blobs(BLOCK, HASHES) == BLOBS

    asked = [path for path in beacon.requests if "blobs" in path]
    assert len(asked) == len(HASHES)
    assert not any("blob_sidecars" in path for path in asked)


@pytest.mark.parametrize(
    ("spec", "slot_seconds", "slot"),
    [
        ({"data": {"SECONDS_PER_SLOT": "12"}}, None, 10),
        ({"data": {"SLOT_DURATION_MS": "6000"}}, None, 20),
        ({"data": {"SECONDS_PER_SLOT": "12"}}, 2, 60),
        (None, None, BLOCK.number),
        (None, 4, 30),
    ],
)
async def test_slot_follows_from_time_or_is_the_number_as_with_anvil(
    beacon: FakeBeacon, spec: object, slot_seconds: int | None, slot: int
) -> None:
    beacon.spec = spec
    async with connect(beacon, slot_seconds) as client:
        await client.blobs(BLOCK, HASHES[:1])
        await client.blobs(BLOCK, HASHES[:1])

    paths = [path.partition("?")[0] for path in beacon.requests]
    assert paths[-2:] == [f"/eth/v1/beacon/blobs/{slot}"] * 2
    assert paths.count("/eth/v1/config/spec") <= 1


async def test_nothing_is_asked_when_nothing_is_wanted(beacon: FakeBeacon) -> None:
    async with connect(beacon) as client:
        assert await client.blobs(BLOCK, ()) == ()

    assert beacon.requests == []


async def test_an_older_node_gives_sidecars(beacon: FakeBeacon) -> None:
    beacon.blobs = None
    beacon.sidecars = {"data": [sidecar(0), sidecar(1)]}
    async with connect(beacon) as client:
        assert await client.blobs(BLOCK, (HASHES[1],)) == (BLOBS[1],)


async def test_a_sidecar_that_claims_another_blob_is_no_blob(beacon: FakeBeacon) -> None:
    beacon.blobs = {"data": []}
    beacon.sidecars = {"data": [sidecar(0, blob="0x" + BLOBS[1].hex())]}
    async with connect(beacon) as client:
        with pytest.raises(BlobsMissing):
            await client.blobs(BLOCK, HASHES[:1])


@pytest.mark.parametrize(
    "blobs",
    [
        None,
        {"data": []},
        {"data": ["0x" + BLOBS[1].hex()]},
        {"data": ["0x" + "ff" * 131_072]},
        {"data": ["0x" + BLOBS[1].hex()] * MAX_BLOBS_PER_ANSWER + ["0x" + BLOBS[0].hex()]},
    ],
    ids=["no such slot", "none", "another", "no field elements", "behind more than a block holds"],
)
async def test_a_blob_that_is_not_there_is_missing(
    beacon: FakeBeacon, blobs: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    beacon.blobs = blobs
    monkeypatch.setattr("l1_bridge.beacon_client.MAX_BLOBS_PER_ANSWER", 3)
    if isinstance(blobs, dict) and len(blobs["data"]) > 3:
        blobs["data"][3:] = blobs["data"][-1:]
    async with connect(beacon) as client:
        with pytest.raises(BlobsMissing, match=HASHES[0].hex()) as caught:
            await client.blobs(BLOCK, HASHES[:1])

    assert isinstance(caught.value, TemporaryError)
    assert caught.value.missing == {HASHES[0]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spec", {"data": {}}),
        ("spec", {"data": {"SECONDS_PER_SLOT": "0"}}),
        ("spec", {"data": {"SECONDS_PER_SLOT": 12}}),
        ("spec", []),
        ("genesis", {"data": {"genesis_time": "soon"}}),
        ("genesis", None),
        ("blobs", {"data": "0x"}),
        ("blobs", {"data": ["0x00"]}),
        ("blobs", {"data": [7]}),
        ("sidecars", {"data": [7]}),
        ("sidecars", {"data": [{"kzg_commitment": "0x00"}]}),
        ("sidecars", {"data": [sidecar(0, blob="0x00")]}),
        ("body", b"no JSON"),
        ("body", b"[" * 100_000),
        ("body", b" " * 5_000_000),
        ("status", 500),
        ("status", 429),
    ],
)
async def test_a_malformed_answer_is_a_node_that_is_not_available(
    beacon: FakeBeacon, field: str, value: object
) -> None:
    if field == "sidecars":
        beacon.blobs = None
    setattr(beacon, field, value)
    async with connect(beacon) as client:
        with pytest.raises(L1Unavailable):
            await client.blobs(BLOCK, HASHES[:1])


async def test_a_node_that_is_away_is_not_available_and_its_url_is_not_told() -> None:
    async with BeaconClient.connect(BeaconEndpoint("http://127.0.0.1:1/secret-key")) as client:
        with pytest.raises(L1Unavailable) as caught:
            await client.blobs(BLOCK, HASHES)

    assert "secret" not in str(caught.value)
