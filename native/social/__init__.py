"""Social dilemmas: what is best for each is not what is best for all."""

from native.names import Name

PLAYERS = "homogeneous"

NAMES = (
    Name("iterated_matrix_v0", ".iterated_matrix:IteratedMatrix", PLAYERS, (), 100),
    Name("infinite_matrix_v0", ".infinite_matrix:InfiniteMatrix", PLAYERS, ("continuous",), 100),
    Name("coin_game_v0", ".coin_game:CoinGame", PLAYERS, (), 16),
    Name("in_the_matrix_v0", ".in_the_matrix:InTheMatrix", PLAYERS, ("image", "nested"), 152),
    Name("iterated_tensor_v0", ".iterated_tensor:IteratedTensor", PLAYERS, (), 100),
    Name("cournot_v0", ".cournot:Cournot", PLAYERS, ("continuous",), 100),
    Name("fishery_v0", ".fishery:Fishery", PLAYERS, ("continuous",), 300),
    Name("rice_v0", ".rice:Rice", PLAYERS, ("continuous",), 20),
    Name(
        "rice_club_v0",
        ".rice:Rice",
        PLAYERS,
        ("continuous",),
        20,
        rules={"club": True},
        variant=True,
    ),
    Name("coin_game", ".jaxmarl_names:coin_game", PLAYERS, variant=True),
    Name("storm", ".jaxmarl_names:storm", PLAYERS, ("image", "nested"), variant=True),
    Name(
        "storm_2p",
        ".jaxmarl_names:storm",
        PLAYERS,
        ("image", "nested"),
        rules={"num_agents": 2},
        variant=True,
    ),
)
