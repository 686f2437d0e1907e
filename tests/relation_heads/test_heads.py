"""The two heads: their formulas, their inputs, and that a saved one gives the same scores."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from visual_relations.relation_heads.fusion import FusionHead
from visual_relations.relation_heads.pairs import Pairs
from visual_relations.relation_heads.params import FusionParams, UVTransEParams
from visual_relations.relation_heads.uvtranse import UVTransE
from visual_relations.training.models import load_model, save_model

N, LABELS, DIM, PREDICATES, GEOMETRY = 12, 5, 8, 4, 3
SMALL = UVTransEParams(dim=DIM, hidden=16, embedding=6, n_predicates=PREDICATES)
FUSION = FusionParams(
    n_labels=LABELS, n_predicates=PREDICATES, members=3, hidden=16, label_dim=DIM, label_embedding=2,
    geometry=GEOMETRY, union=DIM,
)  # fmt: skip


def pairs(**changes: Tensor | None) -> Pairs:
    generator = torch.Generator().manual_seed(0)
    values = {
        "labels_LD": torch.randn(LABELS, DIM, generator=generator),
        "subject_N": torch.randint(LABELS, (N,), generator=generator),
        "object_N": torch.randint(LABELS, (N,), generator=generator),
        "union_ND": torch.randn(N, DIM, generator=generator),
        "geometry_NG": torch.randn(N, GEOMETRY, generator=generator),
    }
    return Pairs(**(values | changes))


def uvtranse(config: UVTransEParams = SMALL) -> UVTransE:
    torch.manual_seed(1)
    return UVTransE.from_config(config).eval()


def fusion(config: FusionParams = FUSION) -> FusionHead:
    torch.manual_seed(1)
    head = FusionHead.from_config(config).eval()
    head.prepare(pairs())
    return head


def test_uvtranse_is_union_minus_subject_minus_object_before_the_predicate_network() -> None:
    head, p = uvtranse(), pairs()
    subject, target = p.labels_LD[p.subject_N], p.labels_LD[p.object_N]
    translated = head.union(p.union_ND) - head.subject(subject) - head.object(target)
    expected = head.classifier(head.predicate(translated))
    torch.testing.assert_close(head(p.union_ND, subject, target), expected)


def test_uvtranse_scores_a_label_table_as_it_scores_rows() -> None:
    head, p = uvtranse(), pairs()
    rows = head(p.union_ND, p.labels_LD[p.subject_N], p.labels_LD[p.object_N])
    torch.testing.assert_close(head.score(p), rows)


def test_uvtranse_takes_image_crops_of_the_objects_in_place_of_labels() -> None:
    head = uvtranse()
    crops = {"subject_image_ND": torch.randn(N, DIM), "object_image_ND": torch.randn(N, DIM)}
    p = pairs(**crops)
    torch.testing.assert_close(head.score(p), head(p.union_ND, *crops.values()))


def test_uvtranse_has_the_published_widths_by_default() -> None:
    head = UVTransE(UVTransEParams())
    shapes = {name: tuple(weight.shape) for name, weight in head.named_parameters() if name.endswith("weight")}
    assert shapes == {
        **{f"{part}.{layer}.weight": shape for part in ("subject", "object", "union")
           for layer, shape in ((0, (512, 512)), (2, (256, 512)))},
        "predicate.0.weight": (512, 256), "predicate.2.weight": (512, 512),
        "classifier.0.weight": (256, 512), "classifier.2.weight": (50, 256),
    }  # fmt: skip


def test_a_labels_only_head_refuses_a_union_feature_and_the_other_asks_for_it() -> None:
    with pytest.raises(ValueError, match="no union input but was given one"):
        uvtranse(SMALL.model_copy(update={"union": False})).score(pairs())
    with pytest.raises(ValueError, match="a union input but was given none"):
        uvtranse().score(pairs(union_ND=None))


def test_a_background_class_is_one_more_column() -> None:
    assert uvtranse(SMALL.model_copy(update={"background": True})).score(pairs()).shape == (N, PREDICATES + 1)


def test_fusion_gives_log_probabilities_and_ignores_the_scale_of_embeddings() -> None:
    head, p = fusion(), pairs()
    assert p.union_ND is not None
    torch.testing.assert_close(head.score(p), head.score(pairs(union_ND=7 * p.union_ND, labels_LD=3 * p.labels_LD)))
    members = head.training_logits(p, 0.0)
    assert members.shape == (3, N, PREDICATES)
    torch.testing.assert_close(head.score(p), members.log_softmax(-1).mean(0))


def test_fusion_with_a_background_ranks_pairs_independently_of_the_balance_between_predicates() -> None:
    head = fusion(FUSION.model_copy(update={"background": True}))
    plain, adjusted = (head.training_logits(pairs(), prior).softmax(-1) for prior in (0.0, torch.arange(4.0)))
    assert plain.shape == (3, N, PREDICATES + 1)
    torch.testing.assert_close(plain[..., 0], adjusted[..., 0])
    torch.testing.assert_close(plain.sum(-1), torch.ones(3, N))


def test_fusion_statistics_come_from_the_pairs_it_was_prepared_with() -> None:
    head = fusion()
    before = head.score(pairs())
    moved = pairs(geometry_NG=pairs().geometry_NG + 5)
    assert not torch.allclose(head.score(moved), before)
    head.prepare(moved)
    torch.testing.assert_close(head.score(moved), before)


def test_fusion_names_the_feature_that_is_missing() -> None:
    with pytest.raises(ValueError, match="'geometry'"):
        fusion().score(pairs(geometry_NG=None))


@pytest.mark.parametrize("make", [uvtranse, fusion])
def test_a_saved_head_scores_the_same(make, tmp_path: Path) -> None:
    head = make()
    save_model(tmp_path / "head", head)
    torch.testing.assert_close(load_model(tmp_path / "head").score(pairs()), head.score(pairs()), rtol=0, atol=0)


def test_a_feature_that_is_not_finite_is_named_with_its_row() -> None:
    broken = pairs()
    assert broken.union_ND is not None
    broken.union_ND[7, 2] = torch.nan
    with pytest.raises(ValueError, match=r"union_ND .* row 7"):
        broken.check_finite()
