"""A page for each registered environment and each family, made from registry and docstrings.

    python docs/environments.py         draws pictures/environments/NAME.png anew, minutes
    python docs/environments.py NAME    this one

The build draws what has no picture there, which takes seconds for each.
"""

import dataclasses
import importlib
import inspect
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from PIL import Image

from bridge import figures
from bridge.environments import rules_of
from native import registry
from native.core import Spec
from native.names import KINDS
from native.registry import REGISTRY, make
from native.rollout import random_actions

os.environ.setdefault("JITBRIDGE_MNIST", "drawn")  # pages need an environment, and no MNIST
PICTURES = Path(__file__).parent / "pictures" / "environments"
VARIANTS_SHOWN = 6
STEPS = 12  # after which a picture is taken, of random play
FIELD = re.compile(r"^([A-Z]\w*) {2,}(\S.*)$")


def write(folder: Path) -> None:
    """Write a page for each environment, one for each family and an index, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    families: dict[str, list[str]] = {}
    for name in REGISTRY:
        families.setdefault(family(make(name)), []).append(name)
    for package, names in families.items():
        for name in names:
            put_picture(name, folder)
            (folder / f"{name}.md").write_text(page(name), encoding="utf-8")
        (folder / f"{short(package)}.md").write_text(family_page(package, names), encoding="utf-8")
    index = ["# Environments", "", "| family | | environments |", "| --- | --- | --- |"]
    for package, names in families.items():
        links = ", ".join(f"[`{name}`]({name}.md)" for name in names)
        index.append(f"| [{short(package)}]({short(package)}.md) | {title(package)} | {links} |")
    index += ["", "```{toctree}", ":hidden:", "", *map(short, families), "```", ""]
    (folder / "index.md").write_text("\n".join(index), encoding="utf-8")


def family(env: Any) -> str:
    """The package of its code, such as "native.mpe"; or its module, if that is in none."""
    module = type(env).__module__
    return module.rpartition(".")[0] or module


def short(package: str) -> str:
    """The last part of its name."""
    return package.rpartition(".")[2]


def title(package: str) -> str:
    """The first line of what the family says of itself, without its full stop."""
    text = inspect.cleandoc(importlib.import_module(package).__doc__ or short(package))
    return text.partition("\n")[0].rstrip(".")


def family_page(package: str, names: list[str]) -> str:
    """What the family says of itself, and its environments with their pictures."""
    text = inspect.cleandoc(importlib.import_module(package).__doc__ or "")
    lines = [f"# {short(package)}", "", prose(text), ""]
    if (PICTURES.parents[1] / f"{short(package)}.md").exists():
        lines += [f"More about this family: [{short(package)}](../../{short(package)}.md).", ""]
    variants = [
        name.id
        for name in registry.names().values()
        if name.variant and name.family == registry.name_of(names[0]).family
    ]
    if variants:
        shown = ", ".join(f"`{name}`" for name in variants[:VARIANTS_SHOWN])
        more = ", ..." * (len(variants) > VARIANTS_SHOWN)
        lines += [f"Variants: {shown}{more}. `python -m bridge list --variants` shows all.", ""]
    for name in names:
        lines += [f"## [{name}]({name}.md)", "", document(make(name)).partition("\n")[0], ""]
        if make(name).spec.render_fps:
            lines += [f"[![{name}]({name}.png){{width=240px}}]({name}.md)", ""]
    lines += ["```{toctree}", ":hidden:", "", *names, "```", ""]
    return "\n".join(lines)


def page(name: str) -> str:
    """One environment: its picture, what it says of itself, and what it holds."""
    env = make(name)
    adapter, factory = ("pettingzoo", "parallel_env")
    if env.spec.num_agents == 1:
        adapter, factory = ("gymnasium", "make")
    parts = [
        f"# {name}",
        f"![{name} under random play]({name}.png)" if env.spec.render_fps else "",
        prose(document(env)),
        f'```python\nfrom bridge.{adapter} import {factory}\n\nenv = {factory}("{name}")\n```',
        "## Agents and spaces",
        spaces(env.spec),
        bullets(facts(name, env.spec)),
        defaults("Rules", "Keywords of every factory.", rules(env)),
        defaults(
            "Parameters",
            "Numbers of the dynamics, given as `params={...}`.",
            fields(getattr(env, "params", None)),
        ),
        see_also(name, env.spec),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def spaces(spec: Spec) -> str:
    """A table with a line for each group."""
    table = "| group | agents | observation | action |\n| --- | --- | --- | --- |"
    for group in spec.groups:
        agents = f"{len(group.agents)}: `{group.agents[0]}`" + " ..." * (len(group.agents) > 1)
        table += f"\n| `{group.name}` | {agents} | `{group.observation}` | `{group.action}` |"
    return table


def facts(name: str, spec: Spec) -> Iterator[str]:
    """What is known of an environment besides, in short sentences."""
    listed = registry.name_of(name)
    yield f"Kind: {KINDS[listed.kind]}."
    if listed.tags:
        yield f"Tags: {', '.join(f'`{tag}`' for tag in listed.tags)}."
    yield f"Time limit: {f'{spec.horizon} steps' if spec.horizon else 'none'}."
    if spec.masks:
        yield "Not every action is always legal: there are action masks."
    if spec.turns:
        yield "One agent acts at a time."
    if spec.global_state is not None:
        yield f"Global state: `{spec.global_state}`."


def defaults(heading: str, text: str, values: dict[str, Any]) -> str:
    """A table of names and their usual values; "" if there are none."""
    if not values:
        return ""
    table = "\n".join(f"| `{word}` | `{shown(value)}` |" for word, value in values.items())
    return f"## {heading}\n\n{text}\n\n| name | default |\n| --- | --- |\n{table}"


def shown(value: Any) -> str:
    """A value; of an array what kind it is."""
    return f"{value.dtype}{list(value.shape)}" if hasattr(value, "dtype") else repr(value)


def see_also(name: str, spec: Spec) -> str:
    """Links to the pages with tables that name an environment; "" if none does."""
    links = []
    if figures.errors(name):
        links.append("[Parity](../../parity.md), how near it is to the original.")
    if f"{name}`" in text_of("training"):
        what = "how to train one of its teams" if len(spec.groups) > 1 else "with a recipe for it"
        links.append(f"[Training](../../training.md), {what}.")
    return f"## See also\n\n{bullets(links)}" if links else ""


def bullets(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def text_of(page: str) -> str:
    """A page of the documentation."""
    return (PICTURES.parents[1] / f"{page}.md").read_text(encoding="utf-8")


def rules(env: Any) -> dict[str, Any]:
    """The static choices of an environment."""
    return {rule: getattr(env, rule) for rule in rules_of(env)}


def fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass."""
    if not dataclasses.is_dataclass(value):
        return {}
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def document(env: Any) -> str:
    """What the file of an environment says about it."""
    module = inspect.getmodule(type(env))
    return inspect.cleandoc((module and module.__doc__) or type(env).__doc__ or "")


def prose(text: str) -> str:
    """A docstring as Markdown; lines such as `Reward       1 on every step` are its terms."""
    lines: list[str] = []
    in_term = False
    for line in text.splitlines():
        if term := FIELD.match(line):
            lines += ["", term[1], f": {term[2]}"]
            in_term = True
        elif in_term and line.startswith("  "):
            lines.append(f"  {line.strip()}")
        else:
            in_term = False
            lines.append(line)
    return "\n".join(lines)


def put_picture(name: str, folder: Path) -> None:
    """The picture of an environment, kept or drawn, if it has one."""
    kept = PICTURES / f"{name}.png"
    if kept.exists():
        shutil.copy(kept, folder)
    elif make(name).spec.render_fps:
        draw(name, folder)


def draw(name: str, folder: Path) -> None:
    """Play by chance for some steps, or until somebody's episode ends, and write NAME.png."""
    env = make(name)

    @jax.jit
    def played(key: jax.Array) -> jax.Array:
        def one(now: tuple[Any, jax.Array], key: jax.Array) -> tuple[Any, None]:
            state, over = now
            after, shown = env.step(key, state, random_actions(env.spec, key), env.params)
            kept = jax.tree.map(lambda old, new: jnp.where(over, old, new), state, after)
            return (kept, over | (shown.terminated | shown.truncated).any()), None

        begun = env.init(key, env.params)[0], jnp.bool_(False)
        (state, _), _ = jax.lax.scan(one, begun, jax.random.split(key, STEPS))
        return env.render(state, env.params)

    Image.fromarray(jax.device_get(played(jax.random.key(0)))).save(folder / f"{name}.png")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for given in sys.argv[1:] or REGISTRY:
        draw(given, PICTURES)
