"""Weights: the shipped ones, their cards, a reader, importers of other people's files."""

from __future__ import annotations

import zipfile
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path

from pursuit.errors import WeightsError
from pursuit.files import named_file
from pursuit.networks.siamfc import SiamFC
from pursuit.weights import importers
from pursuit.weights.card import Card, Source, card_for, card_path, read_card, write_card
from pursuit.weights.files import SUFFIX, read_safetensors, save

__all__ = [
    "Card",
    "Source",
    "card_for",
    "card_path",
    "find",
    "read",
    "read_card",
    "save",
    "shipped",
    "write_card",
]


def read(path: Path | str) -> tuple[SiamFC, Card]:
    """Return a network ready to track, norms folded, float32, and its card.

    What the file is shows in its first bytes, not in its name: `NAME.safetensors` with its
    card beside it, or one of `pursuit.weights.importers`.

    Raises:
        WeightsError: missing, truncated, damaged, of another network, or an unsafe pickle.
        MissingExtra: a MATLAB file, and scipy is not installed.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise WeightsError(f"cannot read the weights {path}: {reason}") from None
    if data[:6] == b"MATLAB" or data[:4] == b"\x89HDF":
        return importers.read_matconvnet(path, data)
    if data[:2] == b"PK":
        return (importers.read_int8 if _is_npz(data) else importers.read_state_dict)(path, data)
    if data[:1] == b"\x80":  # a bare pickle: PyTorch's old format, or anything
        return importers.read_state_dict(path, data)
    return read_safetensors(path, data)


@cache
def shipped() -> dict[str, Path]:
    """Return the weights inside the package: names and files."""
    folder = Path(str(resources.files("pursuit.weights")))
    return {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}


def find(name: str) -> Path:
    """Return the weights file of a shipped name, or of a path.

    Raises:
        WeightsError: neither is there.
    """
    return named_file(name, shipped(), kind="weights", missing="no weights", error=WeightsError)


def _is_npz(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False
