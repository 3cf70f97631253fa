"""Weights: the shipped ones, their cards, a reader, importers of other people's files."""

from __future__ import annotations

import zipfile
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path

from pursuit.errors import WeightsError
from pursuit.files import named_file
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.weights import caffe, importers
from pursuit.weights.card import (
    Card,
    GOTURNCard,
    SiamFCCard,
    Source,
    card_for,
    card_path,
    parse_card,
    read_card,
    write_card,
)
from pursuit.weights.files import SUFFIX, read_safetensors, save

__all__ = [
    "Card",
    "GOTURNCard",
    "SiamFCCard",
    "Source",
    "card_for",
    "card_path",
    "find",
    "parse_card",
    "read",
    "read_card",
    "read_goturn",
    "read_siamfc",
    "save",
    "shipped",
    "write_card",
]


def read(path: Path | str) -> tuple[SiamFC | GOTURN, Card]:
    """Return a network ready to track, norms folded, float32, and its card.

    What the file is shows in its first bytes, not in its name: `NAME.safetensors` with its
    card beside it, one of `pursuit.weights.importers`, or a .caffemodel.

    Raises:
        WeightsError: missing, truncated, damaged, of another network, or an unsafe pickle.
        MissingExtra: a MATLAB file, and scipy is not installed.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(caffe.HEAD)
        if caffe.is_caffemodel(head) or path.suffix == caffe.SUFFIX:
            return caffe.read_goturn(path)
        if head[:6] == b"MATLAB" or head[:4] == b"\x89HDF":
            return importers.read_matconvnet(path, path.read_bytes())
        if head[:2] == b"PK" or head[:1] == b"\x80":  # \x80: a bare pickle: PyTorch's old format
            data = path.read_bytes()
            reader = importers.read_int8 if _is_npz(data) else importers.read_state_dict
            return reader(path, data)
        return read_safetensors(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WeightsError(f"cannot read the weights {path}: {reason}") from None


def read_siamfc(path: Path | str) -> tuple[SiamFC, SiamFCCard]:
    """Return what `read` does; a network other than SiamFC is a WeightsError."""
    network, card = read(path)
    if not (isinstance(network, SiamFC) and isinstance(card, SiamFCCard)):
        raise WeightsError(f"{path} holds a GOTURN network; here only SiamFC's weights fit")
    return network, card


def read_goturn(path: Path | str) -> tuple[GOTURN, GOTURNCard]:
    """Return what `read` does; a network other than GOTURN is a WeightsError."""
    network, card = read(path)
    if not (isinstance(network, GOTURN) and isinstance(card, GOTURNCard)):
        raise WeightsError(f"{path} holds a SiamFC network; here only GOTURN's weights fit")
    return network, card


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
