"""
FastLZ level 1 in Python, both directions: the judge of the contract's length.

That what is compressed here decompresses to the input shows that this is the format; that the greedy search is the
engines' own is shown by fixed vectors.
"""

HASH_MULTIPLIER = 2654435769
MAX_DISTANCE = 8192
MAX_MATCH_CHUNK = 262


def compress(data: bytes) -> bytes:
    """Return the compressed form."""
    out = bytearray()
    table = [0] * 8192
    anchor, position, limit = 0, 2, max(len(data) - 13, 0)
    while position < limit:
        found = _find_match(data, table, position, limit)
        if found is None:
            break
        position, reference = found
        _put_literals(out, data[anchor:position])
        run = _run_length(data, reference + 3, position + 3, limit + 9)
        _put_match(out, run, position - reference - 1)
        position += run
        for _ in range(2):
            table[_hash(data, position)] = position
            position += 1
        anchor = position
    _put_literals(out, data[anchor:])
    return bytes(out)


def decompress(data: bytes) -> bytes:
    """Return what was compressed."""
    out = bytearray()
    position = 0
    while position < len(data):
        control = data[position]
        position += 1
        if control < 32 or position == 1:
            count = (control & 31) + 1
            out += data[position : position + count]
            position += count
            continue
        length = control >> 5
        if length == 7:
            length += data[position]
            position += 1
        distance = ((control & 31) << 8 | data[position]) + 1
        position += 1
        for _ in range(length + 2):
            out.append(out[-distance])
    return bytes(out)


def _three(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 3], "little")


def _hash(data: bytes, position: int) -> int:
    return (HASH_MULTIPLIER * _three(data, position) >> 19) & 0x1FFF


def _find_match(data: bytes, table: list[int], position: int, limit: int) -> tuple[int, int] | None:
    while position < limit:
        entry = _hash(data, position)
        reference, table[entry] = table[entry], position
        if position - reference < MAX_DISTANCE and _three(data, position) == _three(data, reference):
            # The original looks at its position only after it has moved on, so a match at the very end is not taken.
            return (position, reference) if position + 1 < limit else None
        position += 1
    return None


def _run_length(data: bytes, reference: int, position: int, end: int) -> int:
    run = 0
    while position + run < end:
        run += 1
        if data[reference + run - 1] != data[position + run - 1]:
            break
    return run


def _put_literals(out: bytearray, data: bytes) -> None:
    for start in range(0, len(data), 32):
        chunk = data[start : start + 32]
        out.append(len(chunk) - 1)
        out.extend(chunk)


def _put_match(out: bytearray, run: int, distance: int) -> None:
    # `run` is two less than the bytes that the match stands for, and that is also what the format counts.
    high, low = distance >> 8, distance & 0xFF
    while run > MAX_MATCH_CHUNK:
        out.extend((0xE0 | high, MAX_MATCH_CHUNK - 9, low))
        run -= MAX_MATCH_CHUNK
    if run < 7:
        out.extend((run << 5 | high, low))
    else:
        out.extend((0xE0 | high, run - 7, low))
