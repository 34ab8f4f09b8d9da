"""Mazes, bandits and other small tasks, under the names that gymnax has for them."""

from native.names import Name

NAMES = (Name("FourRooms-misc", ".four_rooms:FourRooms", "single", (), 500),)
