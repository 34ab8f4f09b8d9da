"""Which of the registered names stand for all where a test is marked `sampled`."""

from native import registry


def sample() -> set[str]:
    """The first name of each kind and of each tag, in the order of the families; none is big."""
    chosen, seen = set(), set()
    for name in map(registry.name_of, registry.REGISTRY):
        words = {name.kind, *name.tags}
        if "big" not in words and words - seen:
            chosen.add(name.id)
            seen |= words
    return chosen
