"""Environments as pure JAX functions. Nothing here knows of any other library's interface."""
