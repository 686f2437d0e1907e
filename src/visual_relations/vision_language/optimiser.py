"""Parameter groups and AdamW as the originals have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from visual_relations.training.legacy_adamw import LegacyAdamW

# "albef": biases and vectors are not decayed; the scalar temperature, CLS and position tables are.
# "xvlm": whatever is called a bias (Swin's bias tables too) and layer-norm gains outside the heads are not decayed.
DecayRule = Literal["albef", "xvlm"]

# What starts from nothing when both encoders start from pretrained weights, as X-VLM does; parts of parameter names.
NEW_PARTS = ("crossattention", "image_projection", "text_projection", "temperature", "_head.")


def parameter_groups(
    model: nn.Module,
    rate: float,
    weight_decay: float,
    rule: DecayRule = "albef",
    new_rate_factor: float = 1.0,
    new_parts: Sequence[str] = NEW_PARTS,
) -> list[dict[str, Any]]:
    """Sort trainable parameters by weight decay and learning rate.

    Args:
        model: A `VisionLanguageModel`, or a module that has one.
        rate: Learning rate.
        weight_decay: Of those that are decayed.
        rule: What is not decayed.
        new_rate_factor: Times the rate for new parts (X-VLM: 2).
        new_parts: Parts of the names of parameters that are new.

    Returns:
        Groups for an optimiser, each with its `names`.
    """
    norms = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)}
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        decay = weight_decay if _decayed(name, parameter, norms, rule) else 0.0
        factor = new_rate_factor if _is_new(name, new_parts) else 1.0
        group = groups.setdefault(
            (decay, factor), {"params": [], "names": [], "weight_decay": decay, "lr": rate * factor}
        )
        group["params"].append(parameter)
        group["names"].append(name)
    return list(groups.values())


def make_optimiser(
    kind: Literal["adamw", "legacy_adamw"], groups: Iterable[dict[str, Any]], betas: tuple[float, float], eps: float
) -> Optimizer:
    """AdamW of torch, or the one X-VLM was trained with."""
    plain = [{key: value for key, value in group.items() if key != "names"} for group in groups]
    return (AdamW if kind == "adamw" else LegacyAdamW)(plain, betas=betas, eps=eps)


def _decayed(name: str, parameter: Tensor, norms: set[str], rule: DecayRule) -> bool:
    if rule == "albef":
        return parameter.ndim != 1 and not name.endswith(".bias")
    in_head = any(f"{head}_head." in name for head in ("match", "box", "relation"))
    return "bias" not in name and (name not in norms or in_head)


def _is_new(name: str, new_parts: Sequence[str]) -> bool:
    # The word prediction head belongs to the text encoder.
    return any(part in name.replace("token_head.", "") for part in new_parts)
