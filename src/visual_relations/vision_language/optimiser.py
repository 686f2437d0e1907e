"""Parameter groups and AdamW as the originals have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

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


class LegacyAdamW(Optimizer):
    """AdamW of transformers 4, gone since version 5: eps is added before bias correction, decay follows the update.

    It differs from torch's only where gradients are tiny.
    """

    def __init__(
        self,
        params: Iterable[dict[str, Any]] | Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of all parameters that have a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state.update(step=0, exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
        state["step"] += 1
        beta1, beta2 = group["betas"]
        state["exp_avg"].lerp_(gradient, 1 - beta1)
        state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        correction = (1 - beta2 ** state["step"]) ** 0.5 / (1 - beta1 ** state["step"])
        parameter.addcdiv_(
            state["exp_avg"], state["exp_avg_sq"].sqrt().add_(group["eps"]), value=-group["lr"] * correction
        )
        parameter.mul_(1 - group["lr"] * group["weight_decay"])


def _decayed(name: str, parameter: Tensor, norms: set[str], rule: DecayRule) -> bool:
    if rule == "albef":
        return parameter.ndim != 1 and not name.endswith(".bias")
    in_head = any(f"{head}_head." in name for head in ("match", "box", "relation"))
    return "bias" not in name and (name not in norms or in_head)


def _is_new(name: str, new_parts: Sequence[str]) -> bool:
    # The word prediction head belongs to the text encoder.
    return any(part in name.replace("token_head.", "") for part in new_parts)
