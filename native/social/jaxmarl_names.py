"""JaxMARL's names and words for games here: inner episodes, of which several are one.

Agents are called as everywhere here. The reward of the step that ends an inner episode is paid;
with `zero_last_reward` it is not, as in JaxMARL.
"""

from typing import Any

from native import rules
from native.wrappers import trials
from native.wrappers.trials import Trials

from .coin_game import PAYOFF as COINS
from .coin_game import CoinGame
from .in_the_matrix import PAYOFF as DILEMMA
from .in_the_matrix import InTheMatrix
from .tables import table

_count = rules.count()


def coin_game(
    num_inner_steps: int = 10,
    num_outer_steps: int = 10,
    cnn: bool = False,
    egocentric: bool = False,
    shared_rewards: bool = False,
    payoff_matrix: Any = COINS,
    zero_last_reward: bool = False,
) -> Trials:
    """The coin game.

    Args:
        num_inner_steps: Steps of an inner episode.
        num_outer_steps: Inner episodes.
        cnn, egocentric, shared_rewards, zero_last_reward: As of `CoinGame`.
        payoff_matrix: Its `payoff`.

    Raises:
        RuleError: A value does not fit.
    """
    game = CoinGame(
        payoff=table(2, 3)("payoff_matrix", payoff_matrix),
        egocentric=egocentric,
        cnn=cnn,
        shared_rewards=shared_rewards,
        zero_last_reward=zero_last_reward,
        horizon=_count("num_inner_steps", num_inner_steps),
    )
    return trials(game, _count("num_outer_steps", num_outer_steps))


def storm(
    num_inner_steps: int = 152,
    num_outer_steps: int = 1,
    fixed_coin_location: bool = True,
    num_agents: int = 8,
    payoff_matrix: Any = DILEMMA,
    freeze_penalty: int = 5,
    zero_last_reward: bool = False,
) -> Trials:
    """The game in the matrix, by default of eight.

    Args:
        num_inner_steps: Steps of an inner episode.
        num_outer_steps: Inner episodes.
        fixed_coin_location: Its `fixed_coins`.
        num_agents, freeze_penalty, zero_last_reward: As of `InTheMatrix`.
        payoff_matrix: Its `payoff`.

    Raises:
        RuleError: A value does not fit.
    """
    game = InTheMatrix(
        num_agents=num_agents,
        payoff=table(2, 2, 2)("payoff_matrix", payoff_matrix),
        freeze_penalty=freeze_penalty,
        fixed_coins=rules.flag("fixed_coin_location", fixed_coin_location),
        zero_last_reward=zero_last_reward,
        horizon=_count("num_inner_steps", num_inner_steps),
    )
    return trials(game, _count("num_outer_steps", num_outer_steps))
