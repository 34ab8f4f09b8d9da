"""`migrate` on scripts that load bsuite's experiments."""

import pytest

pytest.importorskip("libcst")

from bridge.migrate import migrate


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import bsuite\nenv = bsuite.load_from_id('catch/0')\n", "from bridge import bsuite\n"),
        (
            "import bsuite as b\nenv = b.load_and_record('deep_sea/3', 'results')\n",
            "from bridge import bsuite as b\n",
        ),
        (
            "from bsuite import load_from_id\nenv = load_from_id(bsuite_id='mnist/2')\n",
            "from bridge.bsuite import load_from_id\n",
        ),
        (
            "from bsuite import sweep\nimport bsuite\nNAME = 'bandit/19'\n"
            "env = bsuite.load_and_record_to_csv(NAME, 'results')\nprint(sweep.EPISODES[NAME])\n",
            "from bsuite import sweep\nfrom bridge import bsuite\n",
        ),
    ],
)
def test_the_import_is_edited(before, after):
    found = migrate(before, everything=True)
    assert found.source.startswith(after)
    assert (
        found.source.splitlines()[after.count("\n") :] == before.splitlines()[after.count("\n") :]
    )
    assert migrate(before).source == before, "one world of so little work is faster in plain Python"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import bsuite\nenv = bsuite.load_from_id('cartpole/0')", "no native twin"),
        ("import bsuite\nenv = bsuite.load_from_id('catch/20')", "no such id"),
        ("import bsuite\nimport sys\nenv = bsuite.load_from_id(sys.argv[1])", "only when it runs"),
        (
            "import bsuite\nprint(bsuite.sweep.CATCH)\nenv = bsuite.load_from_id('catch/0')",
            "bsuite.sweep is used too",
        ),
        ("import bsuite, os\nenv = bsuite.load_from_id('catch/0')", "other modules"),
        ("from bsuite import load_from_id, sweep\nload_from_id('catch/0')", "other things"),
        ("from bsuite import *\nimport bsuite\nbsuite.load_from_id('catch/0')", "all of bsuite"),
        (
            "import bsuite\nimport bsuite as b\nbsuite.load_from_id('catch/0')",
            "not clear which import",
        ),
    ],
)
def test_what_is_not_understood_is_left_alone_with_a_reason(source, why):
    found = migrate(source, everything=True)
    assert found.source == source
    assert any(why in note for finding in found.findings for note in finding.notes)


def test_one_id_that_is_not_here_leaves_all_alone():
    source = (
        "import bsuite\na = bsuite.load_from_id('catch/0')\nb = bsuite.load_from_id('cartpole/0')"
    )
    found = migrate(source, everything=True)
    assert found.source == source
    assert [finding.twin for finding in found.findings] == ["Catch-bsuite", None]
    assert found.findings[0].environment == "catch/0"
