"""RICE-N against its equations in NumPy's float64, against what Pax printed, and its club."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from native import make
from native.rollout import rollout
from native.rules import RuleError
from native.social.rice import Rice
from native.social.rice_model import Params, utility
from native.social.rice_regions import FIVE, Region

SAVINGS, MITIGATION, EXPORTS, TARIFFS, WISHES = 0, 1, 2, slice(3, 7), slice(7, 11)
KEY = jax.random.key(0)
PLAY = jax.jit(rollout, static_argnums=0)


def play(env, actions):
    """Always as long, so that it is compiled once; shown as far as there are actions."""
    steps = len(actions["region"])
    whole = {
        name: jnp.asarray(np.concatenate([does, does[-1:].repeat(20 - steps, axis=0)]))
        for name, does in actions.items()
    }
    return jax.tree.map(lambda leaf: np.asarray(leaf)[: steps + 1], PLAY(env, KEY, whole))


def alike(steps=1, savings=0.25, mitigation=0.0, exports=0.5, tariffs=0.0, wishes=0.5, member=0.0):
    """All five do the same: float32 (steps, 5, 12)."""
    actions = np.zeros((steps, 5, 12), np.float32)
    actions[..., SAVINGS], actions[..., MITIGATION] = savings, mitigation
    actions[..., EXPORTS], actions[..., TARIFFS], actions[..., WISHES] = exports, tariffs, wishes
    actions[..., 11] = member
    return actions


def plain(**does):
    return {"region": alike(**does)[..., :11]}


def oracle(regions, actions, club=None):
    """The equations, one region after the other: yields what there is after each step.

    Args:
        regions: Of them.
        actions: (steps, regions, 11 or 12).
        club: (steps, 2), its terms; None: no club.
    """
    n = len(regions)
    air, deep = 0.85, 0.0068
    masses = np.array([851.0, 460.0, 1740.0])
    capital, people = [r.K_0 for r in regions], [r.L_0 for r in regions]
    technology, sigma = [r.A_0 for r in regions], [r.sigma_0 for r in regions]
    owed, asked = np.zeros(n), np.zeros((n, n))
    for t, does in enumerate(np.asarray(actions, np.float64), start=1):
        mu, tariffs, wish = does[:, 1].copy(), np.zeros((n, n)), np.zeros((n, n))
        for i in range(n):
            for k in range(n - 1):
                j = (i + 1 + k) % n
                tariffs[i, j], wish[i, j] = does[i, 3 + k], does[i, 3 + n - 1 + k]
        joined = does[:, -1] > 0.5 if club is not None else np.zeros(n, bool)
        for i in np.flatnonzero(joined):
            mu[i] = max(mu[i], club[t - 1][0])
            for j in range(n):
                tariffs[i, j] = 0 if joined[j] else max(tariffs[i, j], club[t - 1][1])
        made = np.zeros(n)
        output = np.zeros(n)
        for i in range(n):
            made[i] = technology[i] * capital[i] ** 0.3 * (people[i] / 1000) ** 0.7
            price = 550 / (1000 * 2.6) * 0.999 ** (t - 1)
            kept = 1 / (1 + 0.00236 * air**2)
            output[i] = kept * (1 - price * sigma[i] * mu[i] ** 2.6) * made[i]
            owed[i] *= 1.1
        invested = does[:, 0] * output
        for i, r in enumerate(regions):
            if wish[i].sum() > output[i]:
                wish[i] *= output[i] / wish[i].sum()
            wish[i] *= 1 + min(max(10 * owed[i] / r.K_0, -1), 0)
        for j in range(n):
            most = min(does[j, 2] * output[j], output[j] - invested[j])
            if wish[:, j].sum() > most:
                wish[:, j] *= most / wish[:, j].sum()
        sold, bought = wish.sum(axis=0), wish.sum(axis=1)
        owed = owed + 5 * (sold - bought)
        consumed, reward = np.zeros(n), np.zeros(n)
        for i in range(n):
            home = 0.5 * np.sqrt(max(output[i] - invested[i] - sold[i], 0))
            away = sum(0.5 / (n - 1) * np.sqrt(wish[i, j] * (1 - asked[i, j])) for j in range(n))
            consumed[i] = (home + away) ** 2
            heads = people[i] / 1000
            reward[i] = heads * ((consumed[i] / heads + 1) ** -0.45 - 1) / -0.45
        revenue, asked = (wish * asked).sum(axis=1), tariffs
        forcing = 3.6813 * np.log2(masses[0] / 588) + 0.5 + min(0.5, 0.5 / 20 * (t - 1))
        emitted = sum(sigma[i] * (1 - mu[i]) * made[i] for i in range(n)) + 2.6 * 0.999 ** (t - 1)
        air, deep = 0.8718 * air + 0.0088 * deep + 0.1005 * forcing, 0.025 * air + 0.975 * deep
        a, u, d = masses
        masses = np.array(
            [
                0.88 * a + 0.196 * u + 1.36388 * emitted,
                0.12 * a + 0.797 * u + 0.001465 * d,
                0.007 * u + 0.99853488 * d,
            ]
        )
        for i, r in enumerate(regions):
            capital[i] = 0.9**5 * capital[i] + 5 * invested[i]
            people[i] *= ((1 + r.L_a) / (1 + people[i])) ** r.l_g
            technology[i] *= np.exp(0.0033) + r.g_A * np.exp(-r.delta_A * 5 * (t - 1))
            sigma[i] *= np.exp(-0.0025 * 0.9 ** (5 * (t - 1)) * 5)
        yield {
            "temperature": [air, deep],
            "carbon": masses,
            "tariffs": tariffs,
            "people": people.copy(),
            "capital": capital.copy(),
            "technology": technology.copy(),
            "intensity": sigma.copy(),
            "output": output,
            "consumption": consumed,
            "investment": invested,
            "balance": owed.copy(),
            "revenue": revenue,
            "mitigation": mu,
            "member": joined,
            "reward": reward,
        }


@pytest.mark.parametrize("kind", ["plain", "two regions", "club", "mediator"])
def test_the_equations_hold_for_twenty_random_steps(kind):
    """A small debt stops many imports, so what float32 rounds off balances doubles in a step."""
    regions = FIVE[1:3] if kind == "two regions" else FIVE
    club, mediator = kind in ("club", "mediator"), kind == "mediator"
    env, rng = Rice(regions, club, mediator), np.random.default_rng(4)
    size = 3 + 2 * (len(regions) - 1) + club
    actions = {"region": rng.random((20, len(regions), size)).astype(np.float32)}
    terms = np.full((20, 2), [0.3, 0.1])
    if mediator:
        terms = rng.random((20, 2)).astype(np.float32)
        actions["mediator"] = terms[:, None]
    states, shown = play(env, actions)
    ours = {**vars(states), "reward": shown.reward[:, : len(regions)]}
    for t, expected in enumerate(oracle(regions, actions["region"], terms if club else None), 1):
        for name, value in expected.items():
            np.testing.assert_allclose(
                ours[name][t],
                value,
                rtol=1e-4,
                atol=3e-4 if t <= 10 else 0.02,
                err_msg=f"{name}, step {t}",
            )
    assert shown.truncated[20].all() and not shown.truncated[:20].any()


def test_a_first_step_by_hand():
    """Carbon 0.88 * 851 + 0.196 * 460 = 839.04 and what is emitted; log2(851 / 588) = 0.533343."""
    states, _ = play(make("rice_v0"), plain(mitigation=1.0))
    np.testing.assert_allclose(states.carbon[1], [839.04 + 1.36388 * 2.6, 471.2891, 1740.67069])
    forcing = 3.6813 * 0.5333433 + 0.5
    air = 0.8718 * 0.85 + 0.0088 * 0.0068 + 0.1005 * forcing
    deep = 0.025 * 0.85 + 0.975 * 0.0068
    np.testing.assert_allclose(states.temperature[1], [air, deep], rtol=1e-6)
    # 12.612845 * 67.536353^0.3 * 1.1535594^0.7 = 49.329 is made of which 0.2115385 * 0.20463581
    # go into mitigation and 0.0017051 are damaged
    output = 49.329 * (1 - 0.2115385 * 0.20463581) / 1.0017051
    np.testing.assert_allclose(states.output[1, 0], output, rtol=1e-5)
    np.testing.assert_allclose(states.capital[1, 0], 0.59049 * 67.536353 + 1.25 * output, rtol=1e-5)


PRINTED = {  # by Pax's own test of its Rice, to a tenth, where all actions are 0.5
    1: {
        "temperature": [1.0, 0.0],
        "carbon": [865.8, 471.3, 1740.7],
        "output": [48.9, 2.0, 22.7, 4.7, 4.4],
        "capital": [162.1, 5.4, 73.0, 15.4, 12.2],
        "consumption": [7.3, 0.1, 3.4, 0.4, 0.3],
        "balance": [1.2, -4.9, 1.2, 1.2, 1.2],
        "people": [1154.8, 285.7, 4026.9, 1578.0, 619.8],
        "technology": [13.4, 6.6, 3.6, 2.3, 5.4],
        "reward": [1.5, 0.1, 2.2, 0.3, 0.2],
    },
    2: {
        "temperature": [1.1, 0.1],
        "carbon": [892.7, 482.1, 1741.4],
        "output": [67.4, 4.4, 33.7, 7.0, 8.0],
        "consumption": [9.5, 0.0, 4.9, 0.9, 1.1],
        "balance": [-1.2, 4.6, -1.2, -1.2, -1.2],
        "reward": [1.6, 0.0, 2.7, 0.7, 0.5],
    },
    19: {
        "temperature": [3.9, 0.9],
        "carbon": [1654.2, 857.7, 1773.6],
        "output": [108.9, 11.3, 72.7, 16.3, 17.3],
        "capital": [662.5, 68.9, 441.9, 97.0, 105.4],
        "consumption": [14.6, 1.8, 10.2, 2.1, 1.9],
        "balance": [-3.2, -1.0, -3.5, 2.0, 5.8],
        "people": [1165.5, 282.9, 3991.9, 2150.7, 636.4],
        "technology": [14.5, 8.3, 4.7, 2.6, 6.2],
        "reward": [1.8, 0.4, 3.9, 1.3, 0.6],
    },
}


def test_these_are_the_numbers_of_pax():
    halves = {"region": np.full((19, 5, 11), 0.5, np.float32)}
    states, shown = play(make("rice_v0"), halves)
    ours = {**vars(states), "reward": shown.reward}
    for step, printed in PRINTED.items():
        for name, values in printed.items():
            np.testing.assert_allclose(ours[name][step], values, atol=0.0501, err_msg=name)


def test_what_one_exports_another_imports():
    rng = np.random.default_rng(1)
    states, _ = play(make("rice_v0"), {"region": rng.random((20, 5, 11)).astype(np.float32)})
    assert np.abs(states.balance).max() > 5
    np.testing.assert_allclose(states.balance.sum(axis=1), 0, atol=1e-3)


def test_nobody_exports_more_than_it_will_or_imports_on_too_much_debt():
    shut, _ = play(make("rice_v0"), plain(exports=0.0))
    assert not shut.balance.any()
    spends = plain(savings=1.0)["region"]
    _, saves_all = play(make("rice_v0"), {"region": spends})
    assert (saves_all.reward[1] == 0).all(), "what is saved is neither consumed nor exported"
    actions = plain(steps=3, exports=1.0)["region"]
    actions[:, 1, EXPORTS] = 0.0  # the second buys, has little capital and sells nothing
    states, _ = play(make("rice_v0"), {"region": actions})
    debt = states.balance[:, 1]
    assert debt[1] < -0.2 * FIVE[1].K_0
    np.testing.assert_allclose(debt[2:], debt[1] * 1.1 ** np.arange(1, 3), rtol=1e-5)


def test_tariffs_hold_from_the_next_step_on_and_are_withheld_from_what_arrives():
    free, _ = play(make("rice_v0"), plain(steps=2, tariffs=0.0))
    taxed, _ = play(make("rice_v0"), plain(steps=2, tariffs=0.5))
    np.testing.assert_array_equal(free.consumption[1], taxed.consumption[1])
    imports = np.arange(5) != 1  # which has too many debts
    assert (taxed.consumption[2] < free.consumption[2]).tolist() == imports.tolist()
    assert not taxed.revenue[1].any() and (taxed.revenue[2] > 0).tolist() == imports.tolist()
    assert not free.revenue.any()
    np.testing.assert_array_equal(free.balance, taxed.balance)


def test_actions_beyond_the_bounds_are_those_at_the_bounds():
    rng = np.random.default_rng(2)
    wild = rng.normal(0.5, 1.0, (20, 5, 11)).astype(np.float32)
    both = [play(make("rice_v0"), {"region": a})[1].reward for a in (wild, wild.clip(0, 1))]
    np.testing.assert_array_equal(*both)


def test_mitigation_is_a_dilemma():
    """Over 20 steps all together gain by a fifth; who alone mitigates half loses by it."""
    total = {}
    for who in ("nobody", "all", *range(5)):
        actions = plain(steps=20, exports=0.2)["region"]
        actions[:, {"nobody": [], "all": slice(None)}.get(who, who), MITIGATION] = (
            0.2 if who == "all" else 0.5
        )
        states, shown = play(make("rice_v0"), {"region": actions})
        total[who] = shown.reward.sum(axis=0), states.temperature[-1, 0]
    before, warmth = total["nobody"]
    assert total["all"][0].sum() > before.sum() and total["all"][1] < warmth
    for i in (0, 2, 3, 4):
        others = np.arange(5) != i
        assert total[i][0][i] < before[i] and total[i][1] < warmth
        assert (total[i][0] - before)[others].sum() > 0


def test_members_of_a_club_keep_its_terms_and_spare_each_other():
    env = Rice(club=True)
    actions = alike(steps=2, mitigation=0.1, tariffs=0.05)
    actions[:, [0, 2], 11] = 1.0
    actions[:, 2, MITIGATION] = 0.8  # more than the club asks
    actions[:, 0, TARIFFS] = [0.7, 0.7, 0.0, 0.0]  # on regions 1, 2, 3, 4
    states, _ = play(env, {"region": actions})
    np.testing.assert_allclose(states.mitigation[1], [0.3, 0.1, 0.8, 0.1, 0.1])
    assert states.member[1].tolist() == [1, 0, 1, 0, 0]
    np.testing.assert_allclose(states.tariffs[1, 0], [0, 0.7, 0, 0.1, 0.1])
    np.testing.assert_allclose(states.tariffs[1, 2], [0, 0.1, 0, 0.1, 0.1])
    np.testing.assert_allclose(states.tariffs[1, 1], [0.05, 0, 0.05, 0.05, 0.05])


def test_a_tariff_harms_those_alone_who_ask_it():
    """So a club cannot punish who stays outside: exporters are paid in full."""
    members = alike(steps=5)
    members[:, [0, 2, 3, 4], 11] = 1.0
    none, high = (
        play(
            Rice(club=True, mediator=True),
            {"region": members, "mediator": np.full((5, 1, 2), [0.3, tariff], np.float32)},
        )[1].reward
        for tariff in (0.0, 0.5)
    )
    np.testing.assert_array_equal(none[:, 1], high[:, 1])
    assert (high[2:, [0, 2, 3, 4]] < none[2:, [0, 2, 3, 4]]).any(axis=0).all()


def test_half_a_wish_is_no_membership_and_a_club_of_nobody_changes_nothing():
    without = play(make("rice_v0"), plain(steps=3, mitigation=0.1))
    empty = play(Rice(club=True), {"region": alike(steps=3, mitigation=0.1, member=0.5)})
    np.testing.assert_array_equal(without[1].reward, empty[1].reward)
    everybody = alike(steps=3, mitigation=0.1, tariffs=0.9, member=0.51)
    states, _ = play(make("rice_club_v0"), {"region": everybody})
    assert not states.tariffs.any() and (states.mitigation[1] == np.float32(0.3)).all()


def test_terms_of_the_club_are_numbers_of_the_dynamics():
    env = Rice(club=True, params=Params(club_mitigation=0.6, club_tariff=0.4))
    actions = alike(member=0.0)
    actions[:, 0, 11] = 1.0
    states, shown = play(env, {"region": actions})
    assert states.mitigation[1, 0] == np.float32(0.6)
    assert (states.tariffs[1, 0, 1:] == np.float32(0.4)).all()
    np.testing.assert_allclose(shown.observation["region"][0, :, 6:8], [[0.6, 0.4]] * 5)


def test_a_mediator_earns_for_all_or_for_the_climate():
    weights = Params(utility_weight=0.0, climate_weight=2.0)
    social, green = Rice(club=True, mediator=True), Rice(FIVE, True, True, params=weights)
    assert [group.name for group in social.spec.groups] == ["region", "mediator"]
    terms = np.full((2, 1, 2), [0.4, 0.2], np.float32)
    actions = {"region": alike(steps=2, member=1.0), "mediator": terms}
    states, shown = play(social, actions)
    assert (states.mitigation[1:] == np.float32(0.4)).all()
    np.testing.assert_allclose(
        shown.reward[1:, 5], shown.reward[1:, :5].sum(axis=1) / 50, rtol=1e-5
    )
    _, for_climate = play(green, actions)
    rises = np.diff(states.temperature[:, 0])
    np.testing.assert_allclose(for_climate.reward[1:, 5], -2 * rises, rtol=1e-4)


def test_each_sees_itself_first_and_the_tariffs_on_its_goods():
    env = make("rice_v0")
    rng = np.random.default_rng(3)
    states, shown = play(env, {"region": rng.random((2, 5, 11)).astype(np.float32)})
    seen = shown.observation["region"][2]
    np.testing.assert_array_equal(seen[:, 0], 2)
    np.testing.assert_allclose(seen[:, 3:6], [states.carbon[2] / 1000] * 5)
    of_each = seen[:, 8:].reshape(5, 5, 12)
    for i in range(5):
        turn = (i + np.arange(5)) % 5
        np.testing.assert_array_equal(of_each[i, :, 4], states.output[2][turn])
        np.testing.assert_array_equal(of_each[i, :, 7], states.balance[2][turn])
        np.testing.assert_array_equal(of_each[i, :, 11], states.tariffs[2][turn, i])


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.99999, 1.0, 1.00001, 1.45])
def test_utility_is_isoelastic_also_where_it_is_a_logarithm(alpha):
    people, consumed = np.array([1153.5, 285.9]), np.array([9.0, 0.01])
    ratio = 1 + consumed / (people / 1000)
    exact = np.log(ratio) if alpha == 1 else (ratio ** (1 - alpha) - 1) / (1 - alpha)
    args = (jnp.asarray(x, jnp.float32) for x in (people, consumed))
    np.testing.assert_allclose(
        utility(Params(alpha=alpha), *args), exact * people / 1000, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Rice(mediator=True), "mediator must be False without a club"),
        (lambda: Rice(FIVE[:1]), "at least two regions"),
        (lambda: Rice(((1.0,) * 8,) * 2), "at least two regions"),
        (lambda: Rice(club=1), "club must be True or False"),
        (lambda: Rice(horizon=0), "horizon must be"),
        (lambda: Rice(params=Params(club_tariff=1.5)), "club_tariff must be a number in 0 ... 1"),
        (lambda: Rice(params=Params(alpha=-1)), "alpha must be a number of at least 0"),
        (lambda: Rice(params=Params(theta_2=0)), "theta_2 must be a number above 0"),
        (lambda: dataclasses.replace(FIVE[0], K_0=0.0), "K_0 must be a number above 0"),
        (lambda: dataclasses.replace(FIVE[0], l_g=-0.1), "l_g must be a number of at least 0"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(made, said):
    with pytest.raises(RuleError, match=said):
        made()


def test_regions_may_be_a_list():
    assert Rice(list(FIVE)) == Rice() and all(isinstance(region, Region) for region in FIVE)
