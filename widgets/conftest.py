"""The doctests of labkit_widgets are collected from files: the package is imported first, whole, as labkit is."""

import labkit_widgets  # noqa: F401  # pyright: ignore[reportUnusedImport]
