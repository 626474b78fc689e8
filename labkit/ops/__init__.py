"""The ops, one file per family. Floor 2 of labkit: each file has its op classes with their functions beneath.

Start with `math.py`. `bases.py` holds what the families share. `labkit/__init__.py` says which names are public.
"""
