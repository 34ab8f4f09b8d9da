"""Scripts that change or read more of an environment than every one has: left alone, and said."""

import pytest

pytest.importorskip("libcst")

from bridge.migrate import migrate

ONE = "import gymnasium as gym\nmade = gym.make('CartPole-v1')\n"
MANY = "import gymnasium as gym\nmany = gym.make_vec('Acrobot-v1', num_envs=3)\n"
SB3 = (
    "from stable_baselines3.common.env_util import make_vec_env\n"
    "rows = make_vec_env('Acrobot-v1', n_envs=8)\n"
)
TAG = "from mpe2 import simple_tag_v3\ntag = simple_tag_v3.parallel_env()\n"
OLD = "import gym\nold = gym.make('CartPole-v1')\na, b, c, d = old.step(0)\n"

REACHING = [  # a script, and what must be said of it
    (f"{MANY}many.set_attr('gravity', 50.0)\n", "line 3: set_attr('gravity')"),
    (f"{MANY}many.call('foo', 3)\n", "line 3: call('foo')"),
    (f"{MANY}name = 'x'\nmany.get_attr(name)\n", "line 4: get_attr('x')"),
    (f"{MANY}change = many.set_attr\n", "line 3: .set_attr"),
    (f"{ONE}made.unwrapped.gravity = 50.0\n", "line 3: setting made.unwrapped.gravity"),
    (f"{ONE}made.unwrapped.gravity *= 2\n", "line 3: setting made.unwrapped.gravity"),
    (f"{ONE}a, made.unwrapped.length = 1, 2\n", "line 3: setting made.unwrapped.length"),
    (f"{ONE}del made.unwrapped.state\n", "line 3: setting made.unwrapped.state"),
    (f"{ONE}print(f'{{made.unwrapped.state}}')\n", "line 3: made.unwrapped.state"),
    (f"{ONE}made.env.env.env.gravity = 3\n", "line 3: setting made.env.env.env.gravity"),
    (f"{ONE}made.reset(options={{'low': -1}})\n", "line 3: reset(options={'low': -1})"),
    (f"{ONE}low = {{'low': -1}}\nmade.reset(seed=3, options=low)\n", "line 4: reset(options="),
    (f"{ONE}made.reset(**given)\n", "known only when it runs"),
    (f"{ONE}begin = made.reset\nbegin(options={{'low': -1}})\n", "line 3: made.reset, not called"),
    (f"{ONE}made.set_wrapper_attr('gravity', 3)\n", "set_wrapper_attr('gravity')"),
    (f"{ONE}name = 'length'\nsetattr(made.unwrapped, name, 3)\n", "setattr(made.unwrapped, name)"),
    (f"{ONE}vars(made.unwrapped)['length'] = 3\n", "vars(made.unwrapped)"),
    (f"{ONE}made.unwrapped.__dict__['length'] = 3\n", "made.unwrapped.__dict__"),
    (f"{ONE}getattr(made, 'unwrapped').length = 3\n", "setting getattr(made, 'unwrapped').length"),
    (f"{ONE}object.__setattr__(made.unwrapped, 'length', 3)\n", "object.__setattr__("),
    (f"{ONE}import operator as o\no.attrgetter('x')(made.unwrapped)\n", "o.attrgetter('x')("),
    (f"{ONE}import functools as f\nf.reduce(getattr, ['x'], made)\n", "handing on getattr"),
    (f"{ONE}made.step = print\n", "line 3: setting made.step"),
    (f"{ONE}made.spec.max_episode_steps = 9\n", "setting made.spec.max_episode_steps"),
    (f"{ONE}gym.spec('CartPole-v1').max_episode_steps = 9\n", "setting gym.spec("),
    (f"{ONE}gym.registry['CartPole-v1'].kwargs['x'] = 9\n", "gymnasium.registry"),
    (f"{ONE}gym.register('CartPole-v1', entry_point='a:b')\n", "registering CartPole-v1 anew"),
    (
        f"{ONE}from gymnasium.envs.classic_control import CartPoleEnv\nCartPoleEnv.reset = print\n",
        "line 4: gymnasium.envs.classic_control.CartPoleEnv.reset",
    ),
    # the variable that holds it is found
    (f"{ONE}raw = made.unwrapped\nraw.length = 3\n", "line 4: setting raw.length"),
    (f"{ONE}def heavier(it, by):\n    it.x += by\nheavier(made, 2)\n", "line 4: setting it.x"),
    (
        f"{ONE}def heavier(by, it):\n    it.x += by\nheavier(it=made, by=2)\n",
        "line 4: setting it.x",
    ),
    (f"{ONE}one, other = 3, made\nother.x\n", "line 4: other.x"),
    (f"{ONE}for i, each in enumerate([made]):\n    each.x\n", "line 4: each.x"),
    (f"{ONE}all = {{'a': made}}\nfor k, each in all.items():\n    each.x\n", "line 5: each.x"),
    (f"{ONE}def build():\n    return made, 3\nit, n = build()\nit.x\n", "line 6: it.x"),
    (f"{ONE}with made as it:\n    it.x\n", "line 4: it.x"),
    (f"{ONE}class A:\n    def __init__(self, it):\n        self.it = it\nA(made).it.x\n", ".it.x"),
    (f"{ONE}def play(test_env):\n    test_env.x\n", "line 4: test_env.x"),  # by what it is called
    (
        f"{ONE}class Windy(gym.Wrapper):\n    def step(self, action):\n"
        "        self.env.wind = 3\n        return super().step(action)\n",
        "line 5: setting self.env.wind",
    ),
    (f"{ONE}class Windy(gym.Wrapper):\n    def f(self):\n        self.x\n", "line 5: self.x"),
    # other libraries
    (f"{SB3}rows.env_method('foo')\n", "env_method('foo')"),
    (f"{SB3}rows.envs[0].step(0)\n", "line 3: rows.envs"),
    (f"{SB3}rows.set_options({{'low': 3}})\n", "rows.set_options"),
    (
        f"{SB3}class C:\n    def on_step(self):\n        self.training_env.set_attr('x', 3)\n",
        "line 5: set_attr('x')",
    ),
    (f"{SB3}from stable_baselines3 import PPO\nPPO('', rows).get_env().x\n", ".get_env().x"),
    (f"{TAG}tag.unwrapped.world.agents[0].size = 3\n", "tag.unwrapped.world"),
    (f"{TAG}tag.aec_env.env.scenario\n", "tag.aec_env"),
    (f"{OLD}old = old.unwrapped\n", "time limit"),
    (f"{OLD}old._max_episode_steps = 1000\n", "setting old._max_episode_steps"),
    (f"{OLD}print(old.x_threshold)\n", "old.x_threshold"),
]

STANDARD = [  # and what every environment has, so that these are edited
    f"{ONE}made.reset(seed=3, options=None)\nmade.action_space.seed(3)\nmade.unwrapped.spec.id\n",
    f"{ONE}print(type(made.unwrapped), isinstance(made, gym.Env), made.metadata['render_fps'])\n",
    f"{ONE}from stable_baselines3.common.env_checker import check_env\ncheck_env(made.unwrapped)\n",
    f"{ONE}def f(args):\n    env_id = args.env.lower()\n    num_envs = env_id.count('x')\n",
    f"{ONE}import os\nos.environ.get('X')\ngym.register('Mine-v0', entry_point='a:b')\n",
    f"{ONE}class Mine(gym.Wrapper):\n    def __init__(self, env):\n        super().__init__(env)\n"
    "        self.total = 0\n    def reset(self, **options):\n        self.total = 0\n"
    "        return self.env.reset(**options)\nmine = Mine(made)\nprint(mine.total)\n",
    f"{MANY}many.reset(options={{'reset_mask': flags}})\nmany.call('render')\n",
    f"{MANY}many.get_attr('render_mode')\nprint(many.single_action_space.n, many.num_envs)\n",
    f"{SB3}from stable_baselines3 import PPO\nmodel = PPO('MlpPolicy', rows)\nmodel.learn(9)\n"
    "model.policy.set_training_mode(False)\nrows.seed(3)\n",
    f"{SB3}from stable_baselines3.common.vec_env import VecNormalize as N\nrows = N(rows)\n"
    "rows.training = False\nrows.norm_reward = False\nrows.save('x')\n",
    f"{TAG}tag.reset(seed=4)\nprint(tag.agents, tag.state(), tag.unwrapped.metadata['name'])\n",
    f"{OLD}print(old._max_episode_steps, old.spec.reward_threshold, old.unwrapped.spec)\n",
]


@pytest.mark.parametrize(("source", "said"), REACHING)
def test_a_script_that_reaches_inside_is_left_alone_and_told_why(source, said):
    found = migrate(source, everything=True)
    assert found.source == source
    notes = [note for one in found.findings for note in one.notes]
    assert any(said in note for note in notes), notes


@pytest.mark.parametrize("source", STANDARD)
def test_what_every_environment_has_may_be_used(source):
    found = migrate(source, everything=True)
    assert found.source != source, found.findings


def test_many_reaches_are_counted():
    source = ONE + "made.unwrapped.x = 1\n" * 7
    (finding,) = migrate(source, everything=True).findings
    assert len([note for note in finding.notes if note.startswith("line")]) == 3
    assert finding.notes[-1] == "and 4 more of that kind"


def test_what_is_left_alone_anyway_is_not_blamed_on_it():
    source = "import gymnasium\nit = gymnasium.make('LunarLander-v3')\nit.unwrapped.s = 3\n"
    (finding,) = migrate(source, everything=True).findings
    assert finding.notes == ("no native twin",)
