"""Trained modules on disk: what they are and their weights.

    model/
      config.json          {"class": "visual_relations.….UVTransE", "config_class": …, "config": {…}}
      model.safetensors
    models/                several modules that belong together
      <name>/…

A module that can be saved has an attribute `config` (a frozen pydantic model) and a classmethod `from_config(config)`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from safetensors import safe_open
from safetensors.torch import save_model as save_weights
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from visual_relations.artefacts.atomic import atomic_path

PACKAGE = __name__.split(".")[0]
CONFIG, WEIGHTS = "config.json", "model.safetensors"


class ModelError(ValueError):
    """A folder does not hold a model of this project."""


def save_model(folder: Path, module: nn.Module | Mapping[str, nn.Module]) -> None:
    """Save a module, or several by name, replacing what is in the folder.

    Raises:
        ModelError: If a module's class is not one that `load_model` would load.
    """
    with atomic_path(Path(folder)) as temporary:
        if isinstance(module, nn.Module):
            _save(temporary, module)
        else:
            for name, one in module.items():
                _save(temporary / name, one)


def load_model(folder: Path) -> Any:
    """Load what `save_model` saved, in evaluation mode, on the CPU.

    Returns:
        A module, or a dict of modules.

    Raises:
        FileNotFoundError: If there is no model.
        ModelError: If the class is not one of this project, or configuration or weights do not fit it.
    """
    folder = Path(folder)
    if (folder / CONFIG).exists():
        return _load(folder)
    names = sorted(path.parent.name for path in folder.glob(f"*/{CONFIG}"))
    if not names:
        raise FileNotFoundError(f"no model in {folder}: there is no {CONFIG}")
    return {name: _load(folder / name) for name in names}


def _save(folder: Path, module: nn.Module) -> None:
    config = getattr(module, "config", None)
    if not isinstance(config, BaseModel) or not hasattr(module, "from_config"):
        raise ModelError(f"{type(module).__qualname__} cannot be saved: it needs a pydantic `config` and `from_config`")
    names = {"class": _name(type(module)), "config_class": _name(type(config))}
    for name in names.values():
        _class(name, folder)
    folder.mkdir(parents=True)
    content = names | {"config": config.model_dump(mode="json")}
    (folder / CONFIG).write_text(json.dumps(content, indent=1), encoding="utf-8")
    save_weights(module, str(folder / WEIGHTS))


def _load(folder: Path) -> nn.Module:
    try:
        content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        module_class, config_class = _class(content["class"], folder), _class(content["config_class"], folder)
        with _NoFreshWeights():
            module = module_class.from_config(config_class.model_validate(content["config"]))
        _fill(module, folder / WEIGHTS)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"cannot load the model in {folder}: {error}; train it again with this version") from error
    loaded: nn.Module = module.eval()
    return loaded


class _NoFreshWeights(TorchFunctionMode):
    """Zeros where fresh weights would be drawn: all of them are read from a file.

    Zeros, not whatever memory holds: a truncated normal is drawn again until it lies within its bounds.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (Tensor.normal_, Tensor.uniform_):
            return args[0].zero_()
        return func(*args, **(kwargs or {}))


def _fill(module: nn.Module, path: Path) -> None:
    """Read weights one tensor at a time (not mapped, which counts as memory too), so that they are held once."""
    own, filled = module.state_dict(), set()
    with safe_open(str(path), framework="pt", backend="pread") as file:
        if unknown := set(file.keys()) - own.keys():
            raise ValueError(f"{path} has weights the model has no place for: {', '.join(sorted(unknown))}")
        for name in file.keys():  # noqa: SIM118  not a mapping
            tensor = file.get_tensor(name)
            if tensor.shape != own[name].shape:
                raise ValueError(
                    f"{name} is {tuple(tensor.shape)} in {path}, but {tuple(own[name].shape)} in the model"
                )
            own[name].copy_(tensor)
            filled.add(own[name].data_ptr())
    # Tied weights are in the file under one of their names.
    if missing := [name for name, tensor in own.items() if tensor.numel() and tensor.data_ptr() not in filled]:
        raise ValueError(f"{path} has no {', '.join(missing)}")


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _class(name: str, folder: Path) -> Any:
    """Import a class, of this project only: a file must not choose what code runs."""
    module, _, qualname = name.rpartition(".")
    cls = getattr(importlib.import_module(module), qualname, None) if module.split(".")[0] == PACKAGE else None
    if not (isinstance(cls, type) and issubclass(cls, nn.Module | BaseModel) and cls.__module__ == module):
        raise ModelError(f"{folder / CONFIG} names {name!r}, which is no model or configuration of {PACKAGE}")
    return cls
