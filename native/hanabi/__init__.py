"""Hanabi: a game of cards for players who see everybody's hand but their own."""

from native.names import Name

NAMES = (Name("hanabi_v1", ".hanabi:Hanabi", "homogeneous", ("cooperative", "masks", "turns")),)
