"""Which numbers each benchmark prints, in its authors' terms.

`text`, `image` and `group` are the outcomes of `outcomes.item_outcomes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Macro:
    """An unweighted mean over the slices of one kind.

    Attributes:
        kind: Of the slices, e.g. "piece".
        at_least: Slices with fewer items are left out.
    """

    kind: str
    at_least: int = 1


@dataclass(frozen=True)
class Protocol:
    """What is computed for one benchmark.

    Attributes:
        comparisons: Metric name to the outcome that is averaged.
        thresholds: Also judge every cell on its own: accuracy, and how many true (p_c) and other cells (p_f) are right.
        distinct: Judge only cells of items with a slice of this kind, and the same picture with the same text once.
        macro: Means over slices that stand beside the mean over items.
        groups: Group kinds that count when all of their items are right.
        ties_win: A true cell that equals the best other one counts: in files that list the truth first, the original
            programs take the first of equal scores.
    """

    comparisons: Mapping[str, str] = field(default_factory=dict)
    thresholds: bool = False
    distinct: str | None = None
    macro: tuple[Macro, ...] = ()
    groups: tuple[str, ...] = ()
    ties_win: bool = False


_PAIRWISE = {"pairwise_accuracy": "text"}
_GROUP = {"text_score": "text", "image_score": "image", "group_score": "group"}

PROTOCOLS: dict[str, Protocol] = {
    "vsr": Protocol(thresholds=True),
    "valse": Protocol(_PAIRWISE, thresholds=True, macro=(Macro("piece"),)),
    # Pairs are compared over rows (micro) or the three types (macro) in later work; the benchmark's authors judge each
    # picture with its sentence by a threshold, once, where exactly one part was exchanged: balanced_accuracy.
    "svo_probes": Protocol(
        {"pairwise_accuracy": "image"}, thresholds=True, distinct="exchanged", macro=(Macro("type"),)
    ),
    "sugarcrepe": Protocol(_PAIRWISE, macro=(Macro("file"),)),
    "sugarcrepe_pp": Protocol({"both_positives_win": "text"}, macro=(Macro("file"),)),
    "winoground": Protocol(_GROUP),
    "bivlc": Protocol({"I2T": "text", "T2I": "image", "group_score": "group"}),
    "cola": Protocol({"multi_object_accuracy": "image"}),
    # Published VG-Relation figures leave out relations that hold in both directions.
    "aro_relation": Protocol(_PAIRWISE, macro=(Macro("relation"), Macro("directed_relation"))),
    "aro_attribution": Protocol(_PAIRWISE, macro=(Macro("attributes", at_least=25),)),
    "aro_order": Protocol({"precision@1": "text"}, ties_win=True),
    "whatsup": Protocol({"accuracy": "text"}, groups=("pair", "set"), ties_win=True),
    "foils": Protocol(_PAIRWISE, macro=(Macro("kind"),)),
    "swapped": Protocol(_PAIRWISE, macro=(Macro("predicate"),)),
}


def protocol_of(benchmark: str) -> Protocol:
    """The protocol of a benchmark: of the longest name in `PROTOCOLS` that its own name starts with.

    Args:
        benchmark: e.g. "vsr_random_v1"; "sample_world/vsr" for a world's own items in that format.

    Raises:
        ValueError: If there is none.
    """
    name = benchmark.rpartition("/")[2]
    fitting = [known for known in PROTOCOLS if name == known or name.startswith(f"{known}_")]
    if not fitting:
        raise ValueError(
            f"benchmark {benchmark!r} has no protocol; its name must start with one of {sorted(PROTOCOLS)}"
        )
    return PROTOCOLS[max(fitting, key=len)]
