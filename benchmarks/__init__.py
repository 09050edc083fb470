"""Benchmarks: `make bench` runs them all, prints their tables and writes their JSON to out/benchmarks."""
