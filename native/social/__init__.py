"""Social dilemmas: what is best for each is not what is best for all."""

from native.names import Name

PLAYERS = "homogeneous"

NAMES = (
    Name("iterated_matrix_v0", ".iterated_matrix:IteratedMatrix", PLAYERS, (), 100),
    Name("infinite_matrix_v0", ".infinite_matrix:InfiniteMatrix", PLAYERS, ("continuous",), 100),
    Name("coin_game_v0", ".coin_game:CoinGame", PLAYERS, (), 16),
)
