"""What experiments of Pax say, where it has another name here, or only one way to be."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

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
OPPONENTS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("Altruistic", "HyperAltruistic"), "altruistic"),
        **dict.fromkeys(("Defect", "HyperDefect"), "defect"),
        **dict.fromkeys(("TitForTat", "HyperTFT"), "tit_for_tat"),
        "Grim": "grim",
        "Random": "random",
        "GoodGreedy": "good_greedy",
        "EvilGreedy": "evil_greedy",
        "RandomGreedy": "random_greedy",
    }
)
INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("save_dir", "run_path", "run_path2"), "--out names the folder"),
        "total_timesteps": "num_iters, of num_inner_steps each",
        "model_path": "the folder keeps a checkpoint: --resume",
        **dict.fromkeys(("wandb", "entity", "project"), "where TensorBoard is installed it is fed"),
        **dict.fromkeys(("num_shapers", "agent_default"), "agents are two"),
        "agent2_reset_interval": "env_type=meta: the second begins anew in each trial",
        "num_devices": "runs are divided among all devices there are",
        "top_k": "the mean of the last generation is kept",
        **dict.fromkeys(
            ("with_cnn", "output_channels", "kernel_shape"),
            "what is an image is read by convolutions by itself",
        ),
        **dict.fromkeys(("init_min", "init_max"), "weights begin as those of any network"),
        **dict.fromkeys(("clip_min", "clip_max"), "weights have no bounds"),
    }
)
# BLOCK.KEY, or KEY -> what it has to be, and why there is no other way.
FIXED: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        "num_players": (2, "agents are two"),
        "agent1_roles": (1, "places are fixed"),
        "agent2_roles": (1, "places are fixed"),
        "shuffle_players": (False, "places are fixed"),
        "self_play_anneal": (False, "agent2 may be a folder of what was learned before"),
        "save": (True, "the folder keeps a checkpoint: --resume"),
        "eval": (False, "python -m bridge evaluate FOLDER"),
        "debug": (False, "JAX_DISABLE_JIT=1 in the environment of the process"),
        "ppo.separate": (True, "actor and critic have layers of their own"),
        "es.maximise": (True, "returns are to be high"),
        "es.centered_rank": (True, "members are compared by their rank"),
        "es.z_score": (False, "members are compared by their rank"),
        "es.w_decay": (0, "weights do not decay"),
        "es.mean_reduce": (False, "no mean is taken from what a member's weights change"),
        "es.elite_ratio": (0.5, "the better half are the elite"),
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
