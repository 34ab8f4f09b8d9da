"""The small experiments of bsuite, each of which asks an agent for one ability."""

from native.names import Name


def _name(game: str, place: str) -> Name:
    return Name(f"{game}-bsuite", f".{place}:{game}", "single")


NAMES = (
    _name("Catch", "catch"),
    _name("DeepSea", "deep_sea"),
    _name("MemoryChain", "memory_chain"),
    _name("UmbrellaChain", "umbrella_chain"),
    _name("DiscountingChain", "discounting_chain"),
    _name("SimpleBandit", "simple_bandit"),
    _name("MNISTBandit", "mnist_bandit"),
)
