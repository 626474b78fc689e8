"""Simulated machines: kinds, links, networks, clusters."""
