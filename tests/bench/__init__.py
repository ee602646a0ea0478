"""Benchmarks: each `bench_*.py` has a `main()` that returns the document `harness.report` makes."""
