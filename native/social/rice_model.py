"""The equations of `rice_v0`: what regions make, trade and consume, and what the climate does.

Money in trillions of dollars, people in millions, carbon in gigatonnes, five years a step; regions
are the last axis. Letters are those of RICE-N (Zhang et al., 2022, arXiv:2208.07004), which has
them of DICE and RICE (Nordhaus and Yang, 1996; Kellett et al., 2019).
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from native import rules
from native.core import pytree

YEARS = 5  # a step
TEMPERATURE = (0.85, 0.0068)  # at the start: of air and upper ocean, of the deep ocean; degrees
CARBON = (851.0, 460.0, 1740.0)  # at the start: in the air, in the upper, in the deep ocean
BEFORE_INDUSTRY = 588.0  # carbon in the air in 1750
WARMTH = np.array([[0.8718, 0.0088], [0.025, 0.975]], np.float32)  # how it moves between them
WARMED = np.array([0.1005, 0.0], np.float32)  # by a watt for a square metre
CYCLE = np.array(
    [[0.88, 0.196, 0.0], [0.12, 0.797, 0.001465], [0.0, 0.007, 0.99853488]], np.float32
)
EMITTED = np.array([1.36388, 0.0, 0.0], np.float32)  # carbon of a gigatonne of dioxide, five years


@pytree
class Params:
    """Numbers of the dynamics, by the letters of the model where it has any."""

    gamma: rules.Share = 0.3  # share of capital in production
    a_1: rules.AtLeast0 = 0.0  # damage: part of output for a degree,
    a_2: rules.AtLeast0 = 0.00236  # for a degree to the power of
    a_3: rules.Positive = 2.0
    p_b: rules.AtLeast0 = 550.0  # price of a technology without carbon, dollars for a tonne,
    delta_pb: rules.Share = 0.001  # which falls so much a step
    theta_2: rules.Positive = 2.6  # power of what mitigation costs
    delta_K: rules.Share = 0.1  # capital that wears out in a year
    g_sigma: float = 0.0025  # how much less carbon a trillion needs each year,
    delta_sigma: rules.Share = 0.1  # which dies out so much a year
    alpha: rules.AtLeast0 = 1.45  # how fast more consumption gets worth less
    r: rules.AtLeast0 = 0.1  # interest of a step on what regions owe each other
    E_L0: rules.AtLeast0 = 2.6  # dioxide of land use, gigatonnes,
    delta_EL: rules.Share = 0.001  # which falls so much a step
    F_2x: rules.AtLeast0 = 3.6813  # watts for a square metre by twice the carbon,
    f_0: float = 0.5  # by other gases at first,
    f_1: float = 1.0  # in the end,
    t_f: rules.Positive = 20.0  # after so many steps
    foreign: rules.Share = 0.5  # what foreign goods count, the domestic the rest
    club_mitigation: rules.Share = 0.3  # what members of a club mitigate at least
    club_tariff: rules.Share = 0.1  # what they ask of others at least
    utility_weight: float = 1.0  # of what regions earn, to the mediator
    climate_weight: float = 0.0  # of a degree, to the mediator


def damage(params: Params, temperature: jax.Array) -> jax.Array:
    """The part of output that is left at these degrees above 1750: float32 ()."""
    warming = jnp.maximum(temperature, 0.0)
    return 1 / (1 + params.a_1 * warming + params.a_2 * warming**params.a_3)


def abatement(params: Params, past: Any, intensity: Any, mitigation: Any) -> jax.Array:
    """The part of output that mitigation costs; `past` steps are behind."""
    price = params.p_b * (1 - params.delta_pb) ** past / (1000 * params.theta_2)
    cost: jax.Array = price * intensity * mitigation**params.theta_2
    return cost


def production(params: Params, technology: Any, capital: Any, people: Any) -> jax.Array:
    """What is made before damage and abatement (Cobb and Douglas)."""
    made: jax.Array = technology * capital**params.gamma * (people / 1000) ** (1 - params.gamma)
    return made


def traded(wish: jax.Array, output: Any, most: Any, credit: Any) -> jax.Array:
    """What each imports from each: (regions, regions), from the second to the first.

    Args:
        wish: What each would like, 0 from itself.
        output: (regions,), which a region's imports cannot exceed.
        most: (regions,), what each will export at most.
        credit: (regions,), 0 ... 1: the part of its imports that it still gets on credit.
    """
    asked = wish.sum(axis=1)
    imports = wish * (jnp.minimum(asked, output) / _or_1(asked) * credit)[:, None]
    ordered = imports.sum(axis=0)
    arrives: jax.Array = imports * (jnp.minimum(ordered, most) / _or_1(ordered))[None]
    return arrives


def consumption(params: Params, domestic: jax.Array, imports: jax.Array) -> jax.Array:
    """What goods at home and those of each other region are worth together (Armington, 1969)."""
    each = params.foreign / (len(domestic) - 1)
    root = (1 - params.foreign) * jnp.sqrt(domestic) + each * jnp.sqrt(imports).sum(axis=1)
    worth: jax.Array = root**2
    return worth


def utility(params: Params, people: jax.Array, consumed: jax.Array) -> jax.Array:
    """Isoelastic, of one more than a head consumes in thousands of dollars, for all heads.

    (x^(1 - alpha) - 1) / (1 - alpha), written so that no digit is lost where alpha is close to 1.
    """
    logarithm = jnp.log1p(consumed / (people / 1000))
    power = (1 - params.alpha) * logarithm
    near = jnp.abs(power) < 1e-4
    ratio = jnp.where(near, 1 + power / 2, jnp.expm1(power) / jnp.where(near, 1.0, power))
    return people / 1000 * logarithm * ratio


def warmer(params: Params, past: Any, temperature: jax.Array, carbon: jax.Array) -> jax.Array:
    """Both temperatures a step later."""
    others = params.f_0 + (params.f_1 - params.f_0) * jnp.minimum(past / params.t_f, 1.0)
    forcing = params.F_2x * jnp.log(carbon[0] / BEFORE_INDUSTRY) / math.log(2) + others
    return _by(WARMTH, temperature) + jnp.asarray(WARMED) * forcing


def cycled(params: Params, past: Any, carbon: jax.Array, emissions: jax.Array) -> jax.Array:
    """All three carbon masses a step later; `emissions` are those of industry, in all."""
    land = params.E_L0 * (1 - params.delta_EL) ** past
    later: jax.Array = _by(CYCLE, carbon) + jnp.asarray(EMITTED) * (emissions + land)
    return later


def cleaner(params: Params, past: Any, intensity: jax.Array) -> jax.Array:
    """Carbon for a trillion, a step later."""
    falls = params.g_sigma * (1 - params.delta_sigma) ** (YEARS * past)
    later: jax.Array = intensity * jnp.exp(-YEARS * falls)
    return later


def _by(matrix: np.ndarray, vector: jax.Array) -> jax.Array:
    """Their product, in full precision on every device."""
    return (jnp.asarray(matrix) * vector[None]).sum(axis=1)


def _or_1(total: jax.Array) -> jax.Array:
    return jnp.where(total > 0, total, 1.0)
