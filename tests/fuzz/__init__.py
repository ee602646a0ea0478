"""Fuzzing for longer than the suite does: each module has a `run(seconds, seed)` that answers what it did."""
