"""The command `ragapp`. Its commands import what they need when they run: --help is quick."""

from ui.cli.app import main

__all__ = ["main"]
