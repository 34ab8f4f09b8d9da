"""Pax's names for what experiments say, where it has another here."""

from collections.abc import Mapping
from types import MappingProxyType

WORLDS: Mapping[str, str] = MappingProxyType(
    {
        "iterated_matrix_game": "iterated_matrix_v0",
        "infinite_matrix_game": "infinite_matrix_v0",
        "iterated_nplayer_tensor_game": "iterated_tensor_v0",
        "coin_game": "coin_game_v0",
        "InTheMatrix": "in_the_matrix_v0",
        "Cournot": "cournot_v0",
        "Fishery": "fishery_v0",
        "Rice-N": "rice_v0",
        "C-Rice-N": "rice_club_v0",
    }
)
SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "env_discount": "gamma",
        "payoff_table": "payoff",
        "freeze": "freeze_penalty",
        "num_steps": "num_inner_steps",
        "model_path2": "agent2",
    }
)
