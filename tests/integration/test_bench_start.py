"""`python -m bench.start` from end to end, small: both starts, both loads, and the table of them."""

from bench.start import Load, measure_start, start_table, verdicts


def test_every_step_is_measured() -> None:
    rows = measure_start(300, Load(senders=5, recipients=0, batched=100, single=20))

    assert [row.step for row in rows][::3] == ["first start", "restart"]
    assert all(row.seconds > 0 and row.memory.peak_resident > row.memory.resident_anonymous > 0 for row in rows)
    assert all(row.sealed_per_second > 0 for row in rows[1:3])
    assert start_table(rows, 300).count("\n") == 1 + len(rows)
    assert verdicts(rows)[1].endswith(": reached.")
