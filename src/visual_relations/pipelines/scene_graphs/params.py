"""Parameters of `scene_graphs`; see conf/base/scene_graphs/parameters.yml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from visual_relations.graphs.cleaning import CleaningParams
from visual_relations.graphs.pairs import CandidatePairParams
from visual_relations.graphs.splits import SplitParams
from visual_relations.graphs.verbalise import VerbalisationParams
from visual_relations.graphs.vocabulary import VocabularyParams


class ExamplesParams(BaseModel):
    """Images shown on the page.

    Attributes:
        number: How many.
        photos: Folder of the photos; where a photo is not there, its boxes are drawn on an empty sheet.
        subfolders: Folders below it in which to look too.
        seed: Of the choice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(12, ge=0)
    photos: str = ""
    subfolders: tuple[str, ...] = ()
    seed: int = 0


class SceneGraphsParams(BaseModel):
    """All parameters of the pipeline.

    Attributes:
        splits: For images the source gives no split.
        cleaning: What counts as a usable record.
        vocabulary: Which names become classes.
        candidate_pairs: Pairs of the all-pairs protocol.
        triplet_template: Sentence of a triplet, with {subject}, {predicate} and {object}.
        relation_classes: V, the number of classes of masked relation classification; null keeps all.
        verbalisation: How a graph becomes a sentence.
        epochs: Sentences per image in `verbalised_scene_graphs`; training draws its own.
        examples: Images shown on the page.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    splits: SplitParams = SplitParams()
    cleaning: CleaningParams = CleaningParams()
    vocabulary: VocabularyParams = VocabularyParams()
    candidate_pairs: CandidatePairParams = CandidatePairParams()
    triplet_template: str = "{subject} {predicate} {object}"
    relation_classes: int | None = Field(310, ge=1)
    verbalisation: VerbalisationParams = VerbalisationParams()
    epochs: int = Field(1, ge=1)
    examples: ExamplesParams = ExamplesParams()
