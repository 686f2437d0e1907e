"""`kedro convert`: a released checkpoint of ALBEF or X-VLM becomes a folder that the pipelines read."""

from __future__ import annotations

from pathlib import Path

import click

from visual_relations.vision_language.checkpoints.convert import convert


@click.command(name="convert")
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--image-size", type=int, help="Pixels per side; position tables are fitted. Default: the checkpoint's.")
@click.option("--window", type=int, help="Window of a Swin for another image size.")
@click.option("--heads", type=int, help="Attention heads of ViT and BERT, if not 64 wide each.")
def convert_command(
    checkpoint: Path, folder: Path, image_size: int | None, window: int | None, heads: int | None
) -> None:
    """Convert CHECKPOINT (.pth, .th or .safetensors) to FOLDER and compare the outputs.

    Put FOLDER under relation_pretraining.start.model to train on from it.
    """
    try:
        done = convert(checkpoint, folder, image_size=image_size, window=window, heads=heads)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{checkpoint} ({done.layout}) is now {folder}: {', '.join(done.modules)}")
    for title, names in (("resized", done.report.resized), ("missing", done.report.missing)):
        if names:
            click.echo(f"  {title}: {len(names)} tensors, first {names[0]}")
    if done.report.unused:
        click.echo(f"  not used: {len(done.report.unused)} tensors, first {done.report.unused[0]}")
    for part, difference in done.differences.items():
        click.echo(f"  {part}: differ by {difference:.1e}")
