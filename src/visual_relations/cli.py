"""The project's commands: `kedro run` on the incremental runner, and `kedro convert`, `kedro data`, `kedro tune`."""

from __future__ import annotations

import copy
import importlib
from typing import ClassVar

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS


class LazyGroup(click.Group):
    """A group whose further commands are imported when they are called: torch must not slow `kedro run`."""

    lazy: ClassVar[dict[str, str]] = {
        "convert": "visual_relations.vision_language.checkpoints.command:convert_command",
        "convert-clipcap": "visual_relations.captioning.original.command:convert_command",
        "data": "visual_relations.data_fetch.commands:data",
        "tune": "visual_relations.tuning.command:tune",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, imported or not."""
        return sorted({*super().list_commands(ctx), *self.lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command when it is asked for."""
        if cmd_name in self.lazy:
            module, _, attribute = self.lazy[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=LazyGroup, context_settings=CONTEXT_SETTINGS, name=__package__)
def cli() -> None:
    """Commands of the project."""


def _incremental_run() -> click.Command:
    """Kedro's own run command with another default runner; `--runner` still overrides it."""
    command = copy.copy(kedro_run)
    command.params = [copy.copy(parameter) for parameter in kedro_run.params]
    for parameter in command.params:
        if parameter.name == "runner":
            parameter.default = f"{__package__}.runner.IncrementalRunner"
    return command


run = _incremental_run()  # by this name kedro finds it for `python -m visual_relations`
cli.add_command(run)
