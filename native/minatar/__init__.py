"""MinAtar: five Atari games made small, on a board of 10 by 10 cells."""

from native.names import Name


def _name(title: str, build: str) -> Name:
    return Name(f"{title}-MinAtar", build, "single", ("image",))


NAMES = (
    _name("Asterix", ".asterix:Asterix"),
    _name("Breakout", ".breakout:Breakout"),
    _name("Freeway", ".freeway:Freeway"),
    _name("SpaceInvaders", ".space_invaders:SpaceInvaders"),
    _name("Seaquest", ".seaquest:Seaquest"),
)
