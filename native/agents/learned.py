"""What was learned, as a policy: whatever is needed to play on, without what it was learned with.

learned = LearnedPolicy(settings, env.spec, training.weights, training.moments)
evaluate(env, learned, jax.random.key(0), episodes=100)

Of DQN and ES, which have no moments, it is made of the weights alone.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from native.batch import Transition
from native.core import Group, Spec
from native.rollout import Choice
from native.rules import RuleError
from native.spaces import Dict
from native.wrappers.opponent import Opponent, View

from . import actions
from .acting import Seen, Shape, Weights, blank, choose, no_memory, policy_of
from .players import Player, players_of
from .ppo import PPO


@dataclasses.dataclass(frozen=True)
class LearnedPolicy:
    """A policy for `native.rollout.collect` and `native.agents.evaluate`.

    Attributes:
        settings: What was learned with, of any algorithm.
        spec: Of the environment.
        weights: Player -> its network's.
        moments: Player -> those of its observations, or None; None: nobody has any.
        deterministic: Play the likeliest action; False: draw it; None: as the settings say.
    """

    settings: Shape
    spec: Spec
    weights: Weights
    moments: Weights | None = None
    deterministic: bool | None = None

    @property
    def likeliest(self) -> bool:
        """Whether it plays its likeliest action, and does not draw."""
        if self.deterministic is not None:
            return self.deterministic
        return not isinstance(self.settings, PPO) or self.settings.likeliest

    def memory(self, rows: int) -> Any:
        """What it remembers before the first step of so many worlds; None: it has no memory."""
        if not self.settings.gru:
            return None
        players = players_of(self.spec, self.settings.sharing)
        return {player.name: no_memory(self.settings, player, rows) for player in players}

    def __call__(self, key: jax.Array, shown: Transition, memory: Any = None) -> Choice:
        """Act in every row, from what is shown of it.

        Raises:
            RuleError: It has a memory, and none is given.
        """
        settings = self.settings
        if memory is None and settings.gru:
            raise RuleError(
                f"This policy remembers {settings.gru} numbers (gru): give it the memory to begin "
                "with, learned.memory(rows)."
            )
        space = self.spec.global_state
        critic = isinstance(settings, PPO) and settings.central_critic
        if critic and not isinstance(space, Dict | None):  # nobody asks for values
            nothing = jnp.zeros((shown.acting.shape[0], *space.shape), jnp.float32)
            shown = dataclasses.replace(shown, global_state=nothing)
        players = players_of(self.spec, settings.sharing)
        moments = dict.fromkeys(self.weights) if self.moments is None else self.moments
        policy = policy_of(settings, self.spec, self.weights, moments, deterministic=self.likeliest)
        before = (
            dict.fromkeys((player.name for player in players), ()) if memory is None else memory
        )
        choice = policy(key, shown, before)
        assert isinstance(choice, Choice)
        return Choice(choice.action, memory=None if memory is None else choice.memory)


@dataclasses.dataclass(frozen=True, eq=False)
class LearnedOpponent(Opponent):
    """A learned policy that plays others, in `one_team` or a tournament; equal to itself alone.

    Its weights are the parameter "opponent" of the environment.

    Attributes:
        learned: Of a game in which it was one agent alone, or all agents shared one set of weights.

    Raises:
        RuleError: It has several sets of weights.
    """

    learned: LearnedPolicy

    def __post_init__(self) -> None:
        spec, settings = self.learned.spec, self.learned.settings
        if len(self._players) != 1 or self._players[0].own:
            raise RuleError(
                f"An opponent plays by one set of weights; {spec.name} with "
                f"sharing={settings.sharing!r} has more."
            )

    @property
    def params(self) -> Any:
        """Weights, and moments of observations."""
        name, moments = self._players[0].name, self.learned.moments
        return self.learned.weights[name], None if moments is None else moments[name]

    def init(self, key: jax.Array, group: Group, params: Any) -> Any:
        """Whether an episode begins, and the memory."""
        del key, params
        agents = len(group.agents)
        return jnp.ones(agents, jnp.bool_), blank(self.learned.settings, (agents,))

    def act(
        self, key: jax.Array, group: Group, view: View, memory: Any, params: Any
    ) -> tuple[jax.Array, Any]:
        """As it has learned to."""
        (weights, moments), (first, before) = params, memory
        seen = Seen(observation=view.observation, first=first, mask=view.action_mask, world=None)
        # Memories are mixed among those who play here, however many it learned with.
        groups = ((group.name, len(group.agents)),)
        player = dataclasses.replace(self._players[0], groups=groups)
        settings = self.learned.settings
        likeliest = self.learned.likeliest
        acted = choose(
            settings, player, key, weights, moments, seen, before, deterministic=likeliest
        )
        action = actions.playable(group.action, acted.action)
        return action, (jnp.zeros_like(first), acted.memory)

    @property
    def _players(self) -> tuple[Player, ...]:
        return players_of(self.learned.spec, self.learned.settings.sharing)
