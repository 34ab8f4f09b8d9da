"""Mazes, bandits and other small tasks, under the names that gymnax has for them."""

from native.names import Name

NUMBERS = ("continuous",)

NAMES = (
    Name("FourRooms-misc", ".four_rooms:FourRooms", "single", (), 500),
    Name("MetaMaze-misc", ".meta_maze:MetaMaze", "single", (), 200),
    Name("BernoulliBandit-misc", ".bernoulli_bandit:BernoulliBandit", "single", (), 100),
    Name("GaussianBandit-misc", ".gaussian_bandit:GaussianBandit", "single", (), 100),
    Name("PointRobot-misc", ".point_robot:PointRobot", "single", NUMBERS, 100),
    Name("Reacher-misc", ".reacher:Reacher", "single", NUMBERS, 100),
    Name("Swimmer-misc", ".swimmer:Swimmer", "single", NUMBERS, 500),
    Name("Pong-misc", ".pong:Pong", "single", ("image",), 1000),
)
