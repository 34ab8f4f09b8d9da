"""Jitted environments through other people's interfaces: one module for each library."""
