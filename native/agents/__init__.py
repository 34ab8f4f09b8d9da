"""Agents as pure functions: whole trainings in one compiled program. Extra `agents`.

| file               | its subject                                                          |
| ------------------ | -------------------------------------------------------------------- |
| `ppo.py`           | proximal policy optimisation, from settings to an update             |
| `dqn.py`           | deep Q-learning, from settings to an update                          |
| `replay.py`        | what it remembers                                                    |
| `lola.py`          | learning through what others learn, by DiCE                          |
| `exact.py`         | exact gradients of games of two whole strategies                     |
| `against_learner.py` | worlds in which the other player learns meanwhile                  |
| `co_players.py`    | how that other player learns                                         |
| `shaper.py`        | memories mixed among the games of a trial, as Shaper's               |
| `mfos.py`          | a policy by which another plays, from inner episode to inner episode |
| `es.py`            | evolution strategies and a genetic algorithm; extra `evolution`      |
| `algorithms.py`    | these three by name                                                  |
| `experience.py`    | what was played: samples, advantages, how episodes went              |
| `training.py`      | many trainings at once: seeds, settings to compare                   |
| `learned.py`       | what was learned, as a policy                                        |
| `evaluation.py`    | many episodes, each counted once; scores with an interval            |
| `acting.py`        | how players act by their weights, for all algorithms                 |
| `players.py`       | who shares weights: a group, all, each its own                       |
| `networks.py`      | actor and critic, which are Stable-Baselines3's                      |
| `actions.py`       | what outputs say of actions                                          |
| `normalization.py` | running moments                                                      |

It needs optax and flax. Flax, since evosax needs it anyway; its layers are functions of weights in
plain dicts.
"""

try:
    from .dqn import DQN
    from .evaluation import Episodes, Score, evaluate, score
    from .learned import LearnedOpponent, LearnedPolicy
    from .ppo import PPO, Training
    from .training import Learner
except ModuleNotFoundError as error:
    raise ImportError(
        f"native.agents needs optax and flax ({error}). Install both with: "
        "pip install 'jitbridge[agents]'"
    ) from error

__all__ = [
    "DQN",
    "PPO",
    "Episodes",
    "LearnedOpponent",
    "LearnedPolicy",
    "Learner",
    "Score",
    "Training",
    "evaluate",
    "score",
]
