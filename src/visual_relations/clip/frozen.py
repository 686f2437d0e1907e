"""A CLIP whose weights never change.

Legend: N images or texts, B prompts, L tokens, W text width, D feature width, H and W the image size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from visual_relations.clip.preprocess import Pixels, Preprocess
from visual_relations.clip.text_tower import TextTower

AUTOCAST = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
TEXT_BATCH = 256


class FrozenClip:
    """Encodes images, texts and prompts; features are float32 and not normalised. `load.load_clip` makes one.

    It is no `nn.Module` on purpose: a module that uses it does not count its weights as its own, so checkpoints and
    saved models stay free of them.

    Args:
        model: An open_clip model with its weights.
        tokenizer: Its tokenizer.
        preprocess: Of its images.
        name: For messages and records.
        precision: "fp32", or "bf16" / "fp16" for autocast.
    """

    def __init__(
        self, model: nn.Module, tokenizer: Any, preprocess: Preprocess, name: str, precision: str = "fp32"
    ) -> None:
        self.model: Any = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.preprocess = preprocess
        self.name = name
        self.precision = precision

    def to(self, device: torch.device | str) -> Self:
        """Move to a device."""
        self.model.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        device: torch.device = self.model.logit_scale.device
        return device

    @cached_property
    def dim(self) -> int:
        """D."""
        with torch.no_grad():
            return int(self._encode_ids(self.tokenizer(["a"]).to(self.device)).shape[1])

    @property
    def text_width(self) -> int:
        """W."""
        return int(self.token_embedding.weight.shape[1])

    @property
    def logit_scale(self) -> float:
        """Factor of cosines in CLIP's own softmax (about 100 when trained)."""
        return float(self.model.logit_scale.exp())

    @property
    def token_embedding(self) -> nn.Embedding:
        """Token ids to embeddings (W)."""
        return self.text_tower.token_embedding

    @property
    def context_length(self) -> int:
        """Most tokens of a text, with its start and end tokens."""
        return self.text_tower.context_length

    @cached_property
    def text_tower(self) -> TextTower:
        """The text tower.

        Raises:
            TypeError: If it cannot take prompts.
        """
        try:
            return TextTower(self.model)
        except TypeError as error:
            raise TypeError(
                f"{self.name} cannot encode prompts: {error}; choose a CLIP with OpenAI's text tower"
            ) from None

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, preprocessing and precision: equal fingerprints give equal features."""
        digest = hashlib.sha256(f"{self.precision} {self.preprocess.config} {self.model}".encode())
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def encode_images(self, images: Sequence[Image.Image] | Pixels | Tensor) -> Tensor:
        """Features (N, D).

        Args:
            images: Photos; or their pixels (N, H, W, 3), uint8, as `preprocess.pixels` makes them; or the model's input
                (N, 3, H, W), float.
        """
        with torch.no_grad(), self._autocast():
            return self.model.encode_image(self._image_input(images)).float()

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        """Features (N, D); texts that are too long lose their end, as in CLIP itself."""
        with torch.no_grad(), self._autocast():
            parts = [
                self._encode_ids(self.tokenizer(list(texts[start : start + TEXT_BATCH])).to(self.device)).float()
                for start in range(0, len(texts), TEXT_BATCH)
            ]
        return torch.cat(parts) if parts else torch.zeros(0, self.dim, device=self.device)

    def encode_prompts(self, embeddings_BLW: Tensor, eot_index_B: Tensor) -> Tensor:
        """Features (B, D) of prompts given as token embeddings, at their true length; differentiable.

        Args:
            embeddings_BLW: Embeddings of all tokens, start and end tokens too (`token_embedding`), without positions.
            eot_index_B: Position of each prompt's end token.

        Raises:
            ValueError: If a prompt does not fit the context.
        """
        with self._autocast():
            return self.text_tower.encode(embeddings_BLW, eot_index_B).float()

    def tokenize(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids (N, L), L the length of the longest text, and the position of each end token (N,)."""
        ids_NL = self.tokenizer(list(texts)).to(self.device)
        eot_N = self.text_tower.eot_index(ids_NL)
        return ids_NL[:, : int(eot_N.max()) + 1], eot_N

    def word_ids(self, text: str) -> list[int]:
        """Token ids of a text without start and end token."""
        ids_1L, eot_1 = self.tokenize([text])
        return [int(token) for token in ids_1L[0, 1 : int(eot_1)]]

    def _encode_ids(self, ids_NL: Tensor) -> Tensor:
        try:
            tower = TextTower(self.model)
        except TypeError:  # e.g. SigLIP's: not causal, so every position counts
            features_ND: Tensor = self.model.encode_text(ids_NL)
            return features_ND
        return tower.encode(tower.token_embedding(ids_NL), tower.eot_index(ids_NL))

    def _image_input(self, images: Sequence[Image.Image] | Pixels | Tensor) -> Tensor:
        if isinstance(images, Tensor):
            return images.to(self.device)
        if not isinstance(images, np.ndarray):
            images = np.stack([self.preprocess.pixels(image) for image in images])
        return self.preprocess.normalise(torch.from_numpy(images).to(self.device))

    def _autocast(self) -> torch.autocast:
        dtype = AUTOCAST[self.precision]
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None)
