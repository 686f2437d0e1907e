"""`kedro data list` and `kedro data fetch NAME`."""

from __future__ import annotations

from pathlib import Path

import click

from visual_relations.data_fetch.sources import Source, read_sources


@click.group()
def data() -> None:
    """Fetch published data sets."""


@data.command("list")
def list_sources() -> None:
    """Show what can be fetched."""
    for name, source in read_sources().items():
        known = [file.bytes for file in source.files]
        size = f"{sum(filter(None, known)) / 1e6:,.0f} MB{'' if all(known) else ' or more'}" if any(known) else ""
        click.echo(f"{name:24}{size:>22}  {source.about}")


@data.command("fetch")
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("data/01_raw"), help="Where the worlds lie.")
@click.option("--keep-archives", is_flag=True, help="Keep archives after unpacking them.")
def fetch_source(name: str, folder: Path, *, keep_archives: bool) -> None:
    """Fetch NAME into data/01_raw; after a break the same command goes on."""
    from visual_relations.data_fetch.download import FetchError
    from visual_relations.data_fetch.fetch import fetch

    sources = read_sources()
    if name not in sources:
        raise click.BadParameter(f"{name!r} is none of {', '.join(sources)}", param_hint="NAME")
    source: Source = sources[name]
    target = folder / (source.folder or name)
    try:
        fetch(source, target, click.echo, keep_archives=keep_archives)
    except FetchError as error:
        raise click.ClickException(str(error)) from error
    if source.by_hand:
        click.echo(f"By hand: {source.by_hand}\nThe folder is {target}.")
