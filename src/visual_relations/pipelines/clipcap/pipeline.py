"""ClipCap from raw captions and photos to the report."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from visual_relations.pipelines.clip_features.pipeline import create_image_nodes
from visual_relations.pipelines.clipcap import judging, nodes, report
from visual_relations.pipelines.scene_graphs.pipeline import create_pipeline as create_scene_graphs

# `--tags=captioning` leaves training out: captions of a captioner that is there already (see conf/nocaps).
CAPTIONING = "captioning"


def create_pipeline() -> Pipeline:
    """The whole journey; of the scene graphs only the table of images is needed."""
    shared = create_scene_graphs().to_outputs("images") + create_image_nodes()
    return (
        Pipeline(shared, tags=CAPTIONING) + create_training_nodes() + create_captioning_nodes() + create_report_nodes()
    )


def create_training_nodes() -> Pipeline:
    """From captions to captioners."""
    return Pipeline(
        [
            Node(
                nodes.prepare_captions,
                inputs=["raw_captions", "images", "image_features", "params:clipcap.captions"],
                outputs=["image_captions", "rejected_captions"],
                name="prepare_captions",
                tags=CAPTIONING,
            ),
            Node(
                nodes.encode_caption_images,
                inputs=[
                    "images",
                    "image_features",
                    "image_folder",
                    "workspace",
                    "params:clip_features.clip",
                    "params:clip_features.crop_mode",
                    "params:clipcap.images",
                ],
                outputs="caption_image_features",
                name="encode_caption_images",
                tags=CAPTIONING,
            ),
            Node(
                nodes.tokenize_examples,
                inputs=[
                    "image_captions",
                    "language_model",
                    "params:clipcap.recipe",
                    "params:clipcap.training",
                    "params:clipcap.max_tokens",
                ],
                outputs="caption_examples",
                name="tokenize_examples",
            ),
            Node(
                nodes.train_captioners,
                inputs=[
                    "caption_examples",
                    "image_captions",
                    "caption_image_features",
                    "language_model",
                    "workspace",
                    "params:clipcap.recipe",
                    "params:clipcap.images",
                    "params:clipcap.comparison",
                    "params:clipcap.training",
                ],
                outputs=["captioner", "captioner_history"],
                name="train_captioners",
            ),
        ]
    )


def create_captioning_nodes() -> Pipeline:
    """From captioners to captions and their metrics."""
    return Pipeline(
        [
            Node(
                nodes.write_captions,
                inputs=[
                    "captioner",
                    "image_captions",
                    "caption_image_features",
                    "language_model",
                    "params:clipcap.recipe",
                    "params:clipcap.decoding",
                    "params:clipcap.evaluation",
                ],
                outputs="captions",
                name="write_captions",
            ),
            Node(
                judging.caption_by_controls,
                inputs=["image_captions", "caption_image_features", "params:clipcap.evaluation"],
                outputs="control_captions",
                name="caption_by_controls",
            ),
            Node(
                judging.measure_captions,
                inputs=["captions", "control_captions", "image_captions", "params:clipcap.evaluation"],
                outputs=["caption_metrics", "caption_scores"],
                name="measure_captions",
            ),
        ],
        tags=CAPTIONING,
    )


def create_report_nodes() -> Pipeline:
    """From captions and metrics to gallery, figures and report."""
    return Pipeline(
        [
            Node(
                judging.choose_caption_gallery,
                inputs=[
                    "captions",
                    "control_captions",
                    "caption_scores",
                    "image_captions",
                    "images",
                    "params:clipcap.report",
                ],
                outputs="caption_gallery",
                name="choose_caption_gallery",
            ),
            Node(
                nodes.read_prefixes,
                inputs=[
                    "captioner",
                    "caption_gallery",
                    "caption_image_features",
                    "language_model",
                    "params:clipcap.report",
                ],
                outputs="prefix_readout",
                name="read_prefixes",
            ),
            Node(
                report.draw_caption_figures,
                inputs=["caption_metrics", "captioner_history"],
                outputs=["caption_overview_plot", "caption_curves_plot"],
                name="draw_caption_figures",
            ),
            Node(
                report.write_clipcap_report,
                # All parameters, so that a misspelt one is found: above only parts of them are validated.
                inputs=[
                    "caption_metrics",
                    "caption_gallery",
                    "prefix_readout",
                    "published_results",
                    "image_folder",
                    "caption_overview_plot",
                    "caption_curves_plot",
                    "params:clipcap",
                ],
                outputs="clipcap_report",
                name="write_clipcap_report",
            ),
            Node(
                report.log_caption_summary,
                inputs=["caption_metrics", "clipcap_report", "params:clipcap.report"],
                outputs=None,
                name="log_caption_summary",
            ),
        ],
        tags=CAPTIONING,
    )
