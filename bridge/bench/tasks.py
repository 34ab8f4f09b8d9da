"""What libraries are compared at, by the registered names of ours."""

from collections.abc import Mapping

from native.registry import names

CART_POLE, SPREAD = "CartPole-v1", "simple_spread_v3"
FAMILIES = ("classic_control", "minatar", "bsuite", "misc")  # those that gymnax has, by our names
UNLIKE = ("MNISTBandit-bsuite",)  # needs pictures that neither brings
TASKS = tuple(
    name.id
    for name in names().values()
    if name.family in FAMILIES and not name.variant and name.id not in UNLIKE
)
BOARDS = tuple(task for task in TASKS if names()[task].family == "minatar")
PARTICLES: Mapping[str, int] = {  # agents of mpe2's games
    "simple_v3": 1,
    "simple_adversary_v3": 3,
    "simple_crypto_v3": 3,
    "simple_push_v3": 2,
    "simple_reference_v3": 2,
    "simple_speaker_listener_v4": 2,
    SPREAD: 3,
    "simple_tag_v3": 4,
    "simple_world_comm_v3": 6,
}
AGENTS: Mapping[str, int] = {**dict.fromkeys(TASKS, 1), **PARTICLES}
CHOICES: Mapping[str, int] = {CART_POLE: 2, SPREAD: 5}
