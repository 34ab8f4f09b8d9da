"""`python -m bridge`."""

import sys

from .errors import MissingExtraError

if __name__ == "__main__":
    try:
        from .cli import app
    except MissingExtraError as error:
        sys.exit(str(error))
    app(prog_name="python -m bridge")
