"""Servers of a cluster in one process."""
