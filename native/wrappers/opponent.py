"""Who plays the others in `one_team`: an `Opponent`, who sees what an agent sees, or a `Script`.

|            | `Opponent`                                     | `Script`               |
| ---------- | ---------------------------------------------- | ---------------------- |
| knows      | observation, mask, who may act                 | the state of the world |
| remembers  | a pytree, anew in each episode                 | nothing                |
| parameters | any pytree, as "opponent" in the environment's | those of the world     |

Both are part of the rules: frozen, hashable, equal by value. A `Mixture` is several of them.
"""

import abc
import dataclasses
from typing import Any, Protocol, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import Environment, Group, Masks, pytree
from native.rules import RuleError
from native.spaces import Discrete

from .base import own_key, repeated


@pytree
class View:
    """What the agents of a group are shown.

    Attributes:
        observation: A pytree of arrays (agents, *space shape).
        action_mask: bool (agents, actions), True: legal; None: everything always is.
        acts: bool (agents,), whose action counts: it has not ended, and it is its turn.
    """

    observation: Any
    action_mask: jax.Array | None
    acts: jax.Array


class Opponent(abc.ABC):
    """One that knows what its agents are shown. Make a frozen dataclass of every subclass.

    It is asked for each group of agents on its own.
    """

    @property
    def params(self) -> Any:
        """Usual parameters, a pytree of arrays or numbers; () for one that has none.

        They become the parameter "opponent" of the environment. Others can then be given, shared or
        one set for each row, and compile nothing again.
        """
        return ()

    def init(self, key: jax.Array, group: Group, params: Any) -> Any:
        """What it remembers when an episode begins, a pytree. All groups have the same key."""
        del key, group, params
        return ()

    @abc.abstractmethod
    def act(
        self, key: jax.Array, group: Group, view: View, memory: Any, params: Any
    ) -> tuple[jax.Array, Any]:
        """What the agents of the group do, (agents, *action shape), and what it then remembers.

        In a game of turns it is asked for a move of its own only.
        """


class Script(Protocol):
    """One that knows everything."""

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: Any, params: Any
    ) -> jax.Array:
        """What the agents of `group` do in `state`: an array (agents of it, *action shape).

        World, state and parameters are those inside of all wrappers.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Random:
    """A script that does anything legal, with the same chance."""

    def __call__(
        self, key: jax.Array, world: Environment[Any, Any], group: Group, state: Any, params: Any
    ) -> jax.Array:
        """As in `Script`."""
        keys = jax.random.split(key, len(group.agents))
        if not (world.spec.masks and isinstance(group.action, Discrete)):
            return jax.vmap(group.action.sample)(keys)
        mask = cast(Masks, world).action_mask(state, params)[group.name]
        (whole,) = (each for each in world.spec.groups if each.name == group.name)
        rows = np.array([whole.agents.index(agent) for agent in group.agents])
        return jax.vmap(group.action.sample)(keys, mask[rows])


@dataclasses.dataclass(frozen=True)
class Population(Opponent):
    """An opponent with several sets of parameters, of which each episode draws one.

    Its parameters have a leading axis of members. To let a row of a batch meet a certain member,
    give that row the parameters of this member and leave out the population.

    Attributes:
        member: Any of them; it has parameters.
        size: How many there are.
    """

    member: Opponent
    size: int

    def __post_init__(self) -> None:
        rules.check(self, size=rules.count())
        if not isinstance(self.member, Opponent):
            rules.refuse("member", "an `Opponent`, which has parameters", self.member)

    @property
    def params(self) -> Any:
        """The usual ones of the member, `size` times."""
        with jax.ensure_compile_time_eval():  # numbers, also where a step is traced
            return repeated(self.member.params, self.size)

    def init(self, key: jax.Array, group: Group, params: Any) -> Any:
        """Draw one, the same for all groups."""
        number = jax.random.randint(own_key(key, "population"), (), 0, self.size, jnp.int32)
        return number, self.member.init(key, group, self._of(number, params))

    def act(
        self, key: jax.Array, group: Group, view: View, memory: Any, params: Any
    ) -> tuple[jax.Array, Any]:
        """As that one does."""
        number, memory = memory
        action, memory = self.member.act(key, group, view, memory, self._of(number, params))
        return action, (number, memory)

    def _of(self, number: jax.Array, params: Any) -> Any:
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[number], params)


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Several that need not be alike, scripts among them, of which each episode draws one.

    Its parameters are a tuple, with those of each. All choose in every step, and one is heard.

    Attributes:
        members: Opponents of any kind.
    """

    members: tuple["AnyOpponent", ...]

    def __post_init__(self) -> None:
        if not (isinstance(self.members, tuple) and len(self.members) > 1):
            rules.refuse("members", "a tuple of two opponents or more", self.members)
        for member in self.members:
            check(member, "members")


AnyOpponent: TypeAlias = Opponent | Script | Mixture


def check(opponent: Any, name: str) -> None:
    """Raise unless it can be an opponent, as far as its kind tells.

    Raises:
        RuleError: It cannot. `name` is what the message calls it.
    """
    known = isinstance(opponent, Opponent | Mixture)
    if not known and (isinstance(opponent, type) or not callable(opponent)):
        wanted = "an `Opponent` or a `Script`, such as native.opponents.of(env)['random']"
        rules.refuse(name, f"{wanted}, and no class of them", opponent)


def sees(opponent: AnyOpponent) -> bool:
    """Whether it is shown something, rather than a script."""
    if isinstance(opponent, Mixture):
        return any(sees(member) for member in opponent.members)
    return isinstance(opponent, Opponent)


def params_of(opponent: AnyOpponent) -> Any:
    """Its usual parameters; () for a script."""
    if isinstance(opponent, Mixture):
        return tuple(params_of(member) for member in opponent.members)
    return opponent.params if isinstance(opponent, Opponent) else ()


def begin(opponent: AnyOpponent, key: jax.Array, group: Group, params: Any) -> Any:
    """What it remembers when an episode begins; () for a script. All groups have the same key."""
    if isinstance(opponent, Mixture):
        mine, *theirs = jax.random.split(own_key(key, "mixture"), 1 + len(opponent.members))
        number = jax.random.randint(mine, (), 0, len(opponent.members), jnp.int32)
        each = zip(opponent.members, theirs, params, strict=True)
        return number, tuple(begin(member, its, group, own) for member, its, own in each)
    return opponent.init(key, group, params) if isinstance(opponent, Opponent) else ()


def play(
    opponent: AnyOpponent,
    key: jax.Array,
    group: Group,
    view: View | None,
    world: tuple[Environment[Any, Any], Any, Any],
    memory: Any,
    params: Any,
) -> tuple[jax.Array, Any]:
    """What it does and then remembers.

    Args:
        opponent, key, group, memory, params: As in `Opponent.act`.
        view: What it is shown; None if it sees nothing.
        world: Environment, state and parameters, for a script.

    Raises:
        RuleError: What it does has another shape or dtype than actions of the group.
    """
    if isinstance(opponent, Mixture):
        number, memories = memory
        each = zip(opponent.members, memories, params, strict=True)
        played = [play(one, key, group, view, world, own, its) for one, own, its in each]
        action = jnp.stack([chosen for chosen, _ in played])[number]
        return action, (number, tuple(after for _, after in played))
    env, state, numbers = world
    if isinstance(opponent, Opponent):
        assert view is not None
        action, memory = opponent.act(key, group, view, memory, params)
    else:
        action = opponent(key, env, group, state, numbers)
    wanted = np.dtype(group.action.dtype), (len(group.agents), *group.action.shape)
    found = jnp.result_type(action), jnp.shape(action)
    if found != wanted:
        raise RuleError(
            f"The opponent plays {group.name} of {env.spec.name} with {found[0]}{[*found[1]]}; "
            f"actions of that group are {wanted[0]}{[*wanted[1]]}."
        )
    return action, memory
