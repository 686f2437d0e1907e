"""Relation metrics at Visual Genome's test size against a plain per-image Python loop: same values, how much faster.

The loop reads the protocol as the field's evaluators do: per image, sort with numpy, match every annotation with all
predictions, unite what the first K predictions found. It runs on a subset and its
time is scaled. Times are CPU seconds: both are single-threaded.
"""

from __future__ import annotations

import resource
import time

import numpy as np

from benchmarks.report import Row, show
from visual_relations.metrics.relations import DEFAULT_K, Candidates, RelationReport, SceneGraphs, evaluate_relations

N_IMAGES, N_OBJECTS, N_RELATIONS, N_PREDICATES, N_CLASSES = 26_000, 11, 6, 50, 150  # 11 objects: 110 ordered pairs
SUBSET = 1000
SECONDS, SPEEDUP = 90.0, 15.0


def scenes(n_images: int, seed: int = 0) -> tuple[SceneGraphs, Candidates, np.ndarray]:
    """Images with a few twin boxes, annotations and softmax scores over 51 classes that lean towards them."""
    rng = np.random.default_rng(seed)
    boxes = rng.uniform(0, 400, (n_images, N_OBJECTS, 2))
    boxes = np.concatenate([boxes, boxes + rng.uniform(20, 300, boxes.shape)], axis=2)
    classes = rng.integers(0, N_CLASSES, (n_images, N_OBJECTS))
    boxes[:, 1], classes[:, 1] = boxes[:, 0] + rng.uniform(-4, 4, boxes[:, 0].shape), classes[:, 0]
    pairs = np.array([(i, j) for i in range(N_OBJECTS) for j in range(N_OBJECTS) if i != j])
    chosen = rng.integers(0, len(pairs), (n_images, N_RELATIONS))
    predicates = rng.zipf(1.5, (n_images, N_RELATIONS)) % N_PREDICATES
    relations = np.concatenate([pairs[chosen], predicates[..., None]], axis=2).reshape(-1, 3)
    scores = rng.standard_exponential((n_images * len(pairs), N_PREDICATES + 1), dtype=np.float32)
    rows = (np.arange(n_images)[:, None] * len(pairs) + chosen).ravel()
    scores[rows, 1 + relations[:, 2]] *= 4
    scores /= scores.sum(1, keepdims=True)
    graphs = SceneGraphs(
        np.arange(n_images + 1) * N_OBJECTS, boxes.reshape(-1, 4).astype(np.float32), classes.ravel(),
        np.arange(n_images + 1) * N_RELATIONS, relations,
    )  # fmt: skip
    candidates = Candidates(
        np.arange(n_images + 1) * len(pairs), np.tile(pairs, (n_images, 1)), scores, background=True
    )
    zero_shot = np.column_stack([rng.integers(0, high, 6000) for high in (N_CLASSES, N_CLASSES, N_PREDICATES)])
    return graphs, candidates, zero_shot


class LoopReference:
    """One image after the other; every annotation against all predictions; the union of what the first K found."""

    def __init__(self, zero_shot: np.ndarray) -> None:
        self.unseen = {tuple(triplet) for triplet in zero_shot.tolist()}
        self.recalls: dict[str, list[list[float]]] = {"R": [], "ng-R": [], "zR": [], "ng-zR": []}
        self.per_predicate: dict[str, list[list[list[float]]]] = {
            name: [[] for _ in range(N_PREDICATES)] for name in ("mR", "ng-mR")
        }
        self.pair_hits, self.n_relations = np.zeros(len(DEFAULT_K)), 0

    def __call__(self, graphs: SceneGraphs, candidates: Candidates) -> dict[str, np.ndarray]:
        for i in range(graphs.n_images):
            boxes = graphs.boxes[graphs.box_offsets[i] : graphs.box_offsets[i + 1]]
            classes = graphs.classes[graphs.box_offsets[i] : graphs.box_offsets[i + 1]]
            truth = graphs.relations[graphs.relation_offsets[i] : graphs.relation_offsets[i + 1]]
            rows = slice(candidates.pair_offsets[i], candidates.pair_offsets[i + 1])
            self.image(boxes, classes, truth, candidates.pairs[rows], candidates.scores[rows, 1:])
        values = {name: np.mean(rows, axis=0) for name, rows in self.recalls.items() if rows}
        for name, lists in self.per_predicate.items():
            means = [np.mean(rows, axis=0) if rows else np.zeros(len(DEFAULT_K)) for rows in lists]
            values[name] = np.mean(means, axis=0)
        return values | {"A": self.pair_hits / self.n_relations}

    def image(
        self, boxes: np.ndarray, classes: np.ndarray, truth: np.ndarray, pairs: np.ndarray, scores: np.ndarray
    ) -> None:
        order = np.argsort(-scores.max(1), kind="stable")
        found = found_by_prediction(boxes, classes, truth, pairs[order], scores.argmax(1)[order])
        flat = np.argsort(-scores.ravel(), kind="stable")[:100]
        ng_found = found_by_prediction(boxes, classes, truth, pairs[flat // N_PREDICATES], flat % N_PREDICATES)
        triplets = [(classes[s], classes[o], p) for s, o, p in truth.tolist()]
        is_unseen = [g for g, triplet in enumerate(triplets) if triplet in self.unseen]
        for name, lists in (("", found), ("ng-", ng_found)):
            hits = [set().union(*lists[:k]) for k in DEFAULT_K]
            self.recalls[name + "R"].append([len(hit) / len(truth) for hit in hits])
            if is_unseen:
                self.recalls[name + "zR"].append([len(hit & set(is_unseen)) / len(is_unseen) for hit in hits])
            for predicate in set(truth[:, 2].tolist()):
                own = {g for g, p in enumerate(truth[:, 2].tolist()) if p == predicate}
                self.per_predicate[name + "mR"][predicate].append([len(hit & own) / len(own) for hit in hits])
        annotated = {(s, o) for s, o, _ in truth.tolist()}
        kept = [hit for hit, pair in zip(found, pairs[order].tolist(), strict=True) if tuple(pair) in annotated]
        self.pair_hits += [len(set().union(*kept[:k])) for k in DEFAULT_K]
        self.n_relations += len(truth)


def found_by_prediction(
    boxes: np.ndarray, classes: np.ndarray, truth: np.ndarray, pairs: np.ndarray, predicates: np.ndarray
) -> list[list[int]]:
    """Annotations that each of the ordered predictions finds: first equal triplets, then the overlap of both boxes."""
    found: list[list[int]] = [[] for _ in pairs]
    predicted = np.column_stack([classes[pairs[:, 0]], predicates, classes[pairs[:, 1]]])
    for g, (subject, object_, predicate) in enumerate(truth.tolist()):
        same = np.flatnonzero((predicted == (classes[subject], predicate, classes[object_])).all(1))
        if len(same):
            overlaps = (iou(boxes[pairs[same, 0]], boxes[subject]) >= 0.5) & (
                iou(boxes[pairs[same, 1]], boxes[object_]) >= 0.5
            )
            for k in same[overlaps].tolist():
                found[k].append(g)
    return found


def iou(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    boxes, box = boxes.astype(np.float64), box.astype(np.float64)
    inter = np.clip(np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2]) + 1, 0, None).prod(1)
    area, own = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1), (box[2:] - box[:2] + 1).prod()
    return inter / (area + own - inter)


def run() -> list[Row]:
    """Time both, compare their values on the subset, report peak memory."""
    graphs, candidates, zero_shot = scenes(N_IMAGES)
    few = graphs.images(0, SUBSET), candidates.images(0, SUBSET)
    ours: RelationReport = evaluate_relations(*few, DEFAULT_K, zero_shot)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    evaluate_relations(graphs, candidates, DEFAULT_K, zero_shot)
    seconds = time.process_time() - start
    extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    start = time.process_time()
    reference = LoopReference(zero_shot)(*few)
    loop_seconds = (time.process_time() - start) * N_IMAGES / SUBSET
    gap = max(float(np.abs(ours.values[name] - value).max()) for name, value in reference.items())
    ratio = loop_seconds / seconds
    return [
        Row(
            f"relation metrics, {N_IMAGES:,} images x {N_OBJECTS * (N_OBJECTS - 1)} pairs x {N_PREDICATES + 1} classes",
            seconds,
            loop_seconds,
            ratio,
            f">= {SPEEDUP:g}x and < {SECONDS:g} s",
            ratio >= SPEEDUP and seconds < SECONDS and gap < 1e-12,
            f"loop timed on {SUBSET} images and scaled; largest difference {gap:.1g}; {extra:,.0f} MB of extra memory",
        )
    ]


if __name__ == "__main__":
    raise SystemExit(0 if show(run()) else 1)
