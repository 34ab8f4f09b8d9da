"""The API reference: Markdown made from the sources' own signatures and docstrings.

Nothing is imported, so it is complete whichever libraries are installed. A docstring's text is
Markdown already; its sections (`Args:`, `Raises:` and so on) become lists.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parent.parent

# Title -> modules, in the order of the pages. What is not here is not meant to be imported.
SECTIONS = {
    "Adapters": (
        "bridge.gymnasium",
        "bridge.gymnasium_vector",
        "bridge.pettingzoo",
        "bridge.pettingzoo_aec",
        "bridge.pettingzoo_vec",
        "bridge.sb3",
        "bridge.sb3_rows",
        "bridge.sb3_words",
        "bridge.sb3_infos",
        "bridge.dm_env",
        "bridge.torchrl",
        "bridge.agilerl",
        "bridge.rllib",
        "bridge.rllib_env",
        "bridge.rllib_rows",
        "bridge.rllib_runner",
        "bridge.rllib_policies",
        "bridge.legacy",
        "bridge.mpe",
        "bridge.bsuite",
        "bridge.minatar",
    ),
    "Agents": (
        "native.agents.ppo",
        "native.agents.dqn",
        "native.agents.replay",
        "native.agents.es",
        "native.agents.training",
        "native.agents.learned",
        "native.agents.evaluation",
        "native.agents.experience",
        "native.agents.acting",
        "native.agents.players",
        "native.agents.networks",
        "native.agents.actions",
        "native.agents.normalization",
        "bridge.sb3_models",
        "bridge.policy_file",
    ),
    "What adapters share": (
        "bridge.environments",
        "bridge.parameters",
        "bridge.words",
        "bridge.adapters",
        "bridge.session",
        "bridge.programs",
        "bridge.adapter",
        "bridge.actions",
        "bridge.arrays",
        "bridge.errors",
        "bridge.tuning",
        "bridge.film",
        "bridge.window",
        "bridge.conformance",
    ),
    "Other people's environments": (
        "bridge.sources",
        "bridge.sources.gymnax",
        "bridge.sources.craftax",
        "bridge.sources.jumanji",
        "bridge.sources.brax",
        "bridge.sources.playground",
        "bridge.sources.pgx",
        "bridge.sources.jaxmarl",
        "bridge.sources.func_env",
        "bridge.sources.host",
        "bridge.sources.host_vec",
        "bridge.sources.base",
        "bridge.sources.foreign",
        "bridge.sources.states",
        "bridge.sources.trees",
        "bridge.targets.gymnax",
        "bridge.targets.gymnax.experimental",
        "bridge.targets.gymnax.visualize",
        "bridge.targets.gymnax_legacy",
        "bridge.targets.gigastep",
        "bridge.targets.jaxmarl",
        "bridge.targets.pax",
    ),
    "Environments as pure functions": (
        "native",
        "native.registry",
        "native.names",
        "native.traits",
        "native.core",
        "native.abilities",
        "native.spaces",
        "native.rules",
        "native.batch",
        "native.starts",
        "native.rollout",
        "native.parameters",
        "native.kernels",
        "native.prng",
        "native.trig",
        "native.draw",
        "native.wrappers",
        "native.wrappers.base",
        "native.wrappers.opponent",
        "native.opponents",
        "native.testing",
    ),
}

SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$", re.MULTILINE)
TITLES = {"Args": "Arguments"}
FIELD_CLASSES = {"dataclass", "pytree", "NamedTuple", "Protocol"}


def write(folder: Path) -> None:
    """Write a page for each module, and an index, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    index = [
        "# API reference",
        "",
        "Made from the docstrings of the version that you are reading.",
        "",
    ]
    for title, modules in SECTIONS.items():
        index += [f"## {title}", "", "| module | |", "| --- | --- |"]
        for module in modules:
            tree = parsed(module)
            (folder / f"{module}.md").write_text(page(module, tree), encoding="utf-8")
            index.append(f"| [`{module}`]({module}.md) | {summary(tree)} |")
        index += ["", "```{toctree}", ":hidden:", "", *modules, "```", ""]
    (folder / "index.md").write_text("\n".join(index), encoding="utf-8")


def source(module: str) -> Path:
    """The file of a module.

    Raises:
        FileNotFoundError: There is none.
    """
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def parsed(module: str) -> ast.Module:
    """Its syntax tree."""
    return ast.parse(source(module).read_text(encoding="utf-8"))


def summary(tree: ast.Module) -> str:
    """The first paragraph of a module, for a table."""
    return " ".join((ast.get_docstring(tree) or "").partition("\n\n")[0].split()).replace(
        "|", r"\|"
    )


def page(module: str, tree: ast.Module) -> str:
    """A module: what it says of itself, then what it offers."""
    documented = {name for modules in SECTIONS.values() for name in modules}
    blocks = [f"# {module}", markdown(ast.get_docstring(tree) or "")]
    blocks += [f"```{{py:module}} {module}\n```"]
    elsewhere = []
    for node, home in offered(module, tree):
        if home == module or home not in documented:
            blocks.append(described(node, module))
        else:
            elsewhere.append(f"- {{py:obj}}`{node.name} <{home}.{node.name}>`, of `{home}`")
    if elsewhere:
        blocks.append("Also to be imported from here:\n\n" + "\n".join(elsewhere))
    return "\n\n".join(block for block in blocks if block) + "\n"


Definition: TypeAlias = ast.FunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def offered(module: str, tree: ast.Module) -> Iterator[tuple[Definition, str]]:
    """Public functions and classes, with the module that each is from.

    Those are the names of `__all__`, followed to where they come from, or else what is defined in
    the module itself.
    """
    here = {node.name: node for node in tree.body if isinstance(node, DEFINITIONS)}
    for name in public_names(tree) or here:
        if name.startswith("_"):
            continue
        if name in here:
            yield here[name], module
        elif (origin := came_from(module, tree, name)) is not None:
            for node in parsed(origin).body:
                if isinstance(node, DEFINITIONS) and node.name == name:
                    yield node, origin


def public_names(tree: ast.Module) -> list[str]:
    """The strings of `__all__`; none if it is missing or computed."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=names)):
                return [name.value for name in names if isinstance(name, ast.Constant)]
    return []


def came_from(module: str, tree: ast.Module, name: str) -> str | None:
    """The module of ours that a name was imported from."""
    package = module if source(module).name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            base = package.split(".")[: len(package.split(".")) + 1 - node.level]
            parts = [*(base if node.level else []), *(node.module or "").split(".")]
            origin = ".".join(part for part in parts if part)
            return origin if origin.split(".")[0] in ("native", "bridge") else None
    return None


def described(node: Definition, module: str) -> str:
    """A function, or a class with its public methods, as directives of Sphinx's Python domain."""
    if isinstance(node, ast.FunctionDef):
        return directive("function", signature(node), module, document(node))
    inside = [document(node)]
    for member in node.body:
        if not isinstance(member, ast.FunctionDef) or member.name.startswith("_"):
            continue
        decorators = {ast.unparse(decorator) for decorator in member.decorator_list}
        if any(decorator.endswith(".setter") for decorator in decorators):
            continue
        if decorators & {"property", "functools.cached_property", "cached_property"}:
            kind, shown = "property", member.name
        else:
            kind, shown = "method", signature(member, is_method="staticmethod" not in decorators)
        inside.append(directive(kind, shown, "", document(member), fence="::::"))
    text = "\n\n".join(filter(None, inside))
    return directive("class", f"{node.name}{constructor(node)}", module, text)


def directive(kind: str, shown: str, module: str, text: str, fence: str = ":::::") -> str:
    """One description, which Sphinx puts into its index."""
    options = f"\n:module: {module}" if module else ""
    return f"{fence}{{py:{kind}}} {shown}{options}\n\n{text}\n{fence}"


def document(node: Definition) -> str:
    """What it says of itself, as Markdown."""
    return markdown(ast.get_docstring(node) or "")


def signature(node: ast.FunctionDef, *, is_method: bool = False) -> str:
    """Its name, arguments and result, on one line."""
    arguments = node.args
    if is_method:
        positional = [*arguments.posonlyargs, *arguments.args][1:]
        arguments = ast.arguments(
            posonlyargs=[],
            args=positional,
            vararg=arguments.vararg,
            kwonlyargs=arguments.kwonlyargs,
            kw_defaults=arguments.kw_defaults,
            kwarg=arguments.kwarg,
            defaults=arguments.defaults,
        )
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return " ".join(f"{node.name}({ast.unparse(arguments)}){result}".split())


def constructor(node: ast.ClassDef) -> str:
    """The arguments of a class: those of `__init__`, or the fields of a dataclass."""
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            return (
                signature(member, is_method=True).removeprefix("__init__").removesuffix(" -> None")
            )
    marks = [*node.decorator_list, *node.bases]
    if not any(mark in ast.unparse(marked) for marked in marks for mark in FIELD_CLASSES):
        return ""
    fields = []
    for member in node.body:
        if isinstance(member, ast.AnnAssign) and "ClassVar" not in ast.unparse(member.annotation):
            default = f" = {ast.unparse(member.value)}" if member.value else ""
            fields.append(
                f"{ast.unparse(member.target)}: {ast.unparse(member.annotation)}{default}"
            )
    return f"({', '.join(fields)})" if fields else ""


def markdown(text: str) -> str:
    """A docstring: its text as it is, each section as a list."""
    before, *sections = SECTION.split(without_tags(text))
    blocks = [before.strip()]
    for title, section in zip(sections[::2], sections[1::2], strict=True):
        lines = section.strip("\n").splitlines()
        count = next((n for n, line in enumerate(lines) if line and line[0] != " "), len(lines))
        body = textwrap.dedent("\n".join(lines[:count])).strip()
        blocks.append(f"**{TITLES.get(title, title)}**")
        blocks.append(body if title in ("Returns", "Yields") else itemised(body))
        blocks.append("\n".join(lines[count:]).strip())
    return "\n\n".join(block for block in blocks if block)


def without_tags(text: str) -> str:
    """Text in which `<name>` outside of code is no HTML."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"<(?=\w)", r"\<", part) for part in parts[::2]]
    return "".join(parts)


def itemised(body: str) -> str:
    """`name: text`, with text going on on lines that are indented, as a list."""
    items = re.split(r"\n(?=\S)", body)
    shown = []
    for item in items:
        name, colon, text = " ".join(item.split()).partition(": ")
        shown.append(f"- `{name}`: {text}" if colon else f"- {name}")
    return "\n".join(shown)
