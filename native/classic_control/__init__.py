"""The classic control tasks of Gymnasium."""

from native.names import Name

NUMBERS = ("continuous",)

NAMES = (
    Name("CartPole-v1", ".cartpole:CartPole", "single", (), 500),
    Name("Pendulum-v1", ".pendulum:Pendulum", "single", NUMBERS, 200),
    Name("Acrobot-v1", ".acrobot:Acrobot", "single", (), 500),
    Name("MountainCar-v0", ".mountain_car:MountainCar", "single", (), 200),
    Name(
        "MountainCarContinuous-v0",
        ".continuous_mountain_car:ContinuousMountainCar",
        "single",
        NUMBERS,
        999,
    ),
)
