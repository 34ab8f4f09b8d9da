"""`python -m bridge`, and the script `jitbridge`."""

import sys

from .errors import MissingExtraError


def main() -> None:
    """Run the command line; without what it needs, say what to install."""
    try:
        from .cli import app
    except MissingExtraError as error:
        sys.exit(str(error))
    app(prog_name="jitbridge" if sys.argv[0].endswith("jitbridge") else "python -m bridge")


if __name__ == "__main__":
    main()
