"""Mazes, bandits and other small tasks, under the names that gymnax has for them."""

from native.names import Name

NAMES = (
    Name("FourRooms-misc", ".four_rooms:FourRooms", "single", (), 500),
    Name("MetaMaze-misc", ".meta_maze:MetaMaze", "single", (), 200),
    Name("BernoulliBandit-misc", ".bernoulli_bandit:BernoulliBandit", "single", (), 100),
    Name("GaussianBandit-misc", ".gaussian_bandit:GaussianBandit", "single", (), 100),
)
