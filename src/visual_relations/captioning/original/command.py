"""`kedro convert-clipcap`: a checkpoint of the original program becomes a folder that the pipeline captions with."""

from __future__ import annotations

from pathlib import Path

import click

from visual_relations.captioning.language_models import LanguageModelError, load_tokenizer
from visual_relations.captioning.original.checkpoint import OriginalCheckpointError, import_checkpoint
from visual_relations.training.models import save_model


@click.command(name="convert-clipcap")
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--language-model", default="gpt2", show_default=True, help="Folder or hub name of the tokenizer.")
@click.option("--name", help="Of the captioner in the tables.  [default: the file's]")
@click.option(
    "--normalize/--raw", default=None, help="Image vectors of length 1, or as they are.  [default: as released]"
)
@click.option("--heads", type=int, default=8, show_default=True, help="Attention heads of a transformer mapper.")
def convert_command(
    checkpoint: Path, folder: Path, language_model: str, name: str | None, *, normalize: bool | None, heads: int
) -> None:
    """Convert CHECKPOINT (.pt or .safetensors) to FOLDER, e.g. data/06_models/coco/captioner/VERSION/captioner.

    Then `kedro run --pipelines=clipcap --env=coco --tags=captioning` captions with it.
    """
    try:
        load_tokenizer(language_model)
        captioner = import_checkpoint(
            checkpoint, normalize=normalize, mapper_heads=heads, language_model=language_model
        )
    except (OriginalCheckpointError, LanguageModelError) as error:
        raise click.ClickException(str(error)) from error
    stored = f"{name or checkpoint.stem}.seed_0"
    save_model(folder, {stored: captioner})
    config = captioner.config
    click.echo(
        f"{checkpoint} is now {folder / stored}: {config.mapper.kind} mapper, prefix of {config.mapper.prefix_length}, "
        f"image vectors of width {config.feature_dim}, {'of length 1' if config.normalize else 'as they are'}"
    )
