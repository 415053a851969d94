"""
Parallel execution: transactions run ahead of their turn in worker processes, and are committed in order here.

    slice -> schedule -> workers (guesses) -> ordered commit: a guess whose reads still hold is taken, else run at turn

Only the ordered commit decides. Whatever happens to a worker, or to what it reads, costs speed and changes no result.
"""
