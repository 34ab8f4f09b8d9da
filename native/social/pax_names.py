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
INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("save_dir", "run_path", "run_path2"), "--out names the folder"),
        **dict.fromkeys(("save", "model_path"), "the folder keeps a checkpoint: --resume"),
        **dict.fromkeys(("wandb", "entity", "project"), "where TensorBoard is installed it is fed"),
        **dict.fromkeys(("num_players", "num_shapers", "agent_default"), "agents are two"),
        **dict.fromkeys(("agent1_roles", "agent2_roles", "shuffle_players"), "places are fixed"),
        "agent2_reset_interval": "env_type=meta: the second begins anew in each trial",
        "self_play_anneal": "agent2 may be a folder of what was learned before",
        "num_devices": "runs are divided among all devices there are",
        "top_k": "the mean of the last generation is kept",
        "eval": "python -m bridge evaluate FOLDER",
        "debug": "JAX_DISABLE_JIT=1 in the environment of the process",
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
