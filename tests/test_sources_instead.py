"""What is no environment is refused with the call to make, the same through every adapter."""

import functools
from types import ModuleType, SimpleNamespace

import pytest

from bridge.environments import as_environment
from bridge.errors import UnsuitableError
from native.registry import make


def defined_in(module: str, name: str, *bases: type, **members: object) -> type:
    """A class as another library defines it."""
    return type(name, bases, {"__module__": module, **members})


CartPole = type(make("CartPole-v1"))
Gymnax = defined_in("gymnax.environments.cartpole", "Gymnax", reset_env=None, step_env=None, step=0)
Params = defined_in("gymnax.environments.cartpole", "EnvParams")
Pgx = defined_in("pgx.chess", "Chess", step=0)
GymEnv = defined_in("gymnasium.core", "Env", unwrapped=property(lambda self: self), step=0)
Blackjack = defined_in("somewhere", "Blackjack", GymEnv)
Facade = defined_in("jumanji.wrappers", "JumanjiToGymWrapper", GymEnv)
Snake = defined_in("jumanji.environments.snake", "Snake", step=0)
DmEnv = defined_in("dm_env._environment", "Environment", step=0)
DmFacade = defined_in("jumanji.wrappers", "JumanjiToDMEnvWrapper", DmEnv)
Parallel = defined_in("pettingzoo.utils.env", "ParallelEnv", step=0)
Turns = defined_in("pettingzoo.utils.env", "AECEnv", step=0)
Vector = defined_in("gymnasium.vector.vector_env", "VectorEnv", step=0)


class Almost:
    """Has no params."""

    spec = None

    def init(self): ...
    def step(self): ...


def having(thing: object, **attributes: object) -> object:
    vars(thing).update(attributes)
    return thing


def build():
    return make("CartPole-v1")


GIVEN = {
    "a native class": (CartPole, r"pass an object of it, CartPole\(\) instead of CartPole"),
    "a foreign class": (Pgx, r"Chess\(\) instead of Chess"),
    "a class for Python": (Blackjack, r"bridge\.sources\.host\.from_host\(Blackjack\)"),
    "a function": (build, r"the function build: pass what it returns, build\(\) instead of build"),
    "a lambda": (lambda: None, r"a function: pass what it returns, make\(\) instead of make"),
    "a partial": (functools.partial(make, "CartPole-v1"), r"a function: pass what it returns"),
    "functions": ([build, build], "a list of 2: pass one of them, and num_envs"),
    "a pair": ((Gymnax(), Params()), r"bridge\.sources\.gymnax\.from_gymnax\(env, params\)"),
    "a pair without": ((Pgx(), {}), "Chess and dict: pass the Chess alone"),
    "a module": (ModuleType("mpe2.simple_spread_v3"), "is a module: pass 'simple_spread_v3'"),
    "a facade": (having(Facade(), _env=Snake()), "gymnasium.Env around one of jumanji.*'_env'"),
    "a dm_env facade": (having(DmFacade(), _env=Snake()), "dm_env.Environment around.*'_env'"),
    "a Python Env": (Blackjack(), r"which Python steps: pass bridge\.sources\.host\.from_host\("),
    "one of ours by id": (having(Blackjack(), spec=SimpleNamespace(id="CartPole-v1")), "'CartPole"),
    "one by name": (having(Parallel(), metadata={"name": "simple_tag_v3"}), "pass 'simple_tag_v3'"),
    "a ParallelEnv": (Parallel(), "ParallelEnv, which Python steps: pass.*from_host"),
    "an AECEnv": (Turns(), r"pettingzoo\.utils\.aec_to_parallel"),
    "a dm_env": (DmEnv(), "make a gymnasium.Env of it"),
    "a vector": (Vector(), r"pass bridge\.sources\.host_vec\.from_host_vec\("),
    "almost native": (Almost(), "Almost is no environment: it lacks params"),
    "a number": (3, "expected a name or an environment, got 3"),
    "nothing": ((), r"expected a name or an environment, got \(\)"),
}


@pytest.mark.parametrize("what", GIVEN)
def test_the_message_names_what_to_pass(what):
    given, said = GIVEN[what]
    with pytest.raises(UnsuitableError, match=said):
        as_environment(given)


def test_rules_do_not_hide_that_it_is_a_class():
    with pytest.raises(UnsuitableError, match=r"CartPole\(\) instead of CartPole"):
        as_environment(CartPole, horizon=3)


def test_what_stands_behind_an_adapter_of_ours_is_asked_for():
    gymnasium = pytest.importorskip("bridge.gymnasium")
    for env in (gymnasium.make("CartPole-v1"), gymnasium.make_vec("CartPole-v1", 2)):
        with pytest.raises(UnsuitableError, match="made by this package: pass the name"):
            gymnasium.make_vec(env)


def test_from_host_wants_what_makes_one():
    host = pytest.importorskip("bridge.sources.host")
    with pytest.raises(UnsuitableError, match=r"functools\.partial\(gymnasium\.make"):
        host.from_host(SimpleNamespace())
