"""Scripts that make other libraries' environments: read without being run, and changed to ours.

| found by    | what                                                           |
| -----------  | -------------------------------------------------------------- |
| `pipelines`  | SuperSuit's `concat_vec_envs_v1` of a `ParallelEnv`            |
| `baselines`  | SB3's `make_vec_env`, `DummyVecEnv`, `SubprocVecEnv`           |
| `vectors`   | Gymnasium's `SyncVectorEnv`, `AsyncVectorEnv`, `make_vec`      |
| `particles`  | imports of mpe2 and of `pettingzoo.mpe`                        |
| `experiments` | bsuite's loaders by id                                        |
| `boards`    | MinAtar's `Environment`                                        |
| `functional` | gymnax's `make`, `RolloutWrapper`                             |
| `old_gym`   | `gym.make`                                                     |
| `actors`    | a dm_env wrapper around `gymnasium.make`                       |
| `singles`   | `gymnasium.make`, names given to an algorithm of SB3           |
| `others`    | what is known to make environments and is left alone           |

They look in this order, and what one has spoken for the next leaves alone. `script` knows what
names mean, `copies` what a list of functions makes, `twins` which of ours is meant, `rewriting` how
edits and imports are put together. Anything not understood is a finding with a note and no edit.
What a script does to an environment that ours need not do the same, `reaching` finds, and then
nothing in that script is edited.
"""

import dataclasses

from .script import Script  # first: it says what to install

# isort: split
from . import (
    actors,
    baselines,
    boards,
    experiments,
    functional,
    old_gym,
    others,
    particles,
    pipelines,
    singles,
    vectors,
)
from .finding import Edit, Finding
from .reaching import notes, reaches
from .rewriting import rewritten

__all__ = ["Edit", "Finding", "Migration", "migrate"]

FINDERS = (
    *(pipelines, baselines, vectors, particles, experiments, boards, functional),
    *(old_gym, actors, singles, others),
)


@dataclasses.dataclass(frozen=True)
class Migration:
    """What there is in a script, in the order of its lines, and what becomes of its text."""

    findings: tuple[Finding, ...]
    source: str


def migrate(source: str, *, everything: bool = False) -> Migration:
    """Read a script.

    Args:
        source: Its text.
        everything: Also edit where ours is known to be slower, as one CartPole is.

    Raises:
        UnsuitableError: It is no Python, or nested too deeply.
    """
    script = Script(source)
    findings: list[Finding] = []
    for finder in FINDERS:
        for finding in finder.find(script):
            if finding.edits and finding.slower and not everything:
                finding = finding.left_alone("slower: --all edits it")
            findings.append(finding)
            script.gone += [(edit.start, edit.end) for edit in finding.edits]
    if any(finding.edits for finding in findings) and (found := reaches(script)):
        findings = [finding.left_alone(*notes(found)) for finding in findings]
    findings.sort(key=lambda finding: finding.line)
    return Migration(tuple(findings), rewritten(script, findings))
