"""The toy text tasks of Gymnasium: small tables that tabular methods are taught with."""

from native.names import Name

LARGE = {"map_name": "8x8", "horizon": 200}

NAMES = (
    Name("FrozenLake-v1", ".frozen_lake:FrozenLake", "single", (), 100),
    Name("FrozenLake8x8-v1", ".frozen_lake:FrozenLake", "single", (), 200, LARGE),
    Name("CliffWalking-v1", ".cliff_walking:CliffWalking", "single"),
    Name(
        "CliffWalkingSlippery-v1",
        ".cliff_walking:CliffWalking",
        "single",
        rules={"is_slippery": True},
    ),
    Name("Taxi-v4", ".taxi:Taxi", "single", ("masks",), 200),
    Name("Blackjack-v1", ".blackjack:Blackjack", "single"),
)
