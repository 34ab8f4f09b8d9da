"""Which of the registered names stand for all where a test is marked `sampled`."""

from native import registry
from native.names import Name

OF_THE_GAME = {"communication", "cooperative"}  # tags of which an adapter sees nothing


def sample(*by: str) -> set[str]:
    """The first name of each kind, tag or family, in the order of the families; none is big.

    Tags that no adapter sees anything of do not count.

    Args:
        by: What to have one of each of: "kind", "tag", "family"; nothing: "kind" and "tag". A game
            of turns, which takes long to compile, only where "turns" is among them.
    """
    by = by or ("kind", "tag")
    left_out = {"big"} if "turns" in by else {"big", "turns"}
    chosen, seen = set(), set()
    for name in map(registry.name_of, registry.REGISTRY):
        words = _words(name, by)
        if not left_out.intersection(name.tags) and words - seen:
            chosen.add(name.id)
            seen |= words
    return chosen


def _words(name: Name, by: tuple[str, ...]) -> set[str]:
    tags = {*name.tags} - OF_THE_GAME
    words = {"kind": [name.kind], "tag": tags, "family": [f"family {name.family}"]}
    return {word for which in by if which != "turns" for word in words[which]}
