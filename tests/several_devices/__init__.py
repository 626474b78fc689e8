"""What several JAX devices do; run by tests/test_several_devices.py in a process that has four."""
