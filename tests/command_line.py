"""The command line, called in this process."""

from typer.testing import CliRunner

from bridge.cli import app


def call(*arguments: object) -> tuple[int, str]:
    """Exit code and everything that was said."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output
