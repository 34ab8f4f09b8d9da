"""The multi-agent particle environments of MPE2, and pursuit as in FACMAC."""

from typing import Any

from native.names import Name


def _name(name: str, build: str, kind: str, *tags: str, **more: Any) -> Name:
    return Name(name, build, kind, tags, 25, **more)


def _facmac(adversaries: int, good: int, obstacles: int) -> Name:
    sizes = {"num_good": good, "num_adversaries": adversaries, "num_obstacles": obstacles}
    name, build = f"simple_facmac_{adversaries}a_v1", ".simple_facmac:SimpleFacmac"
    return _name(name, build, "homogeneous", "continuous", rules=sizes, variant=True)


NAMES = (
    _name("simple_spread_v3", ".simple_spread:SimpleSpread", "homogeneous"),
    _name("simple_tag_v3", ".simple_tag:SimpleTag", "heterogeneous", "teams"),
    _name(
        "simple_speaker_listener_v4",
        ".simple_speaker_listener:SimpleSpeakerListener",
        "heterogeneous",
        "communication",
    ),
    _name("simple_v3", ".simple:Simple", "single"),
    _name("simple_adversary_v3", ".simple_adversary:SimpleAdversary", "heterogeneous", "teams"),
    _name(
        "simple_crypto_v3",
        ".simple_crypto:SimpleCrypto",
        "heterogeneous",
        "teams",
        "communication",
    ),
    _name("simple_push_v3", ".simple_push:SimplePush", "heterogeneous", "teams"),
    _name(
        "simple_reference_v3", ".simple_reference:SimpleReference", "homogeneous", "communication"
    ),
    _name(
        "simple_world_comm_v3",
        ".simple_world_comm:SimpleWorldComm",
        "heterogeneous",
        "teams",
        "communication",
    ),
    _name("simple_facmac_3a_v1", ".simple_facmac:SimpleFacmac", "homogeneous", "continuous"),
    _facmac(6, 2, 4),
    _facmac(9, 3, 6),
)
