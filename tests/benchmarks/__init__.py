"""Benchmarks: ratios measured side by side in one run. `make bench` runs them all; nothing here is a test.

Each benchmark alternates blocks of the two contenders, so that a noisy machine disturbs both alike, and reports the
median of the ratios of neighbouring blocks with their quartiles.
"""
