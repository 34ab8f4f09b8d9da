"""Jitted environments through other people's interfaces: one module for each library."""

__version__ = "0.3.0"
