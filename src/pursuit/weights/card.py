"""The card: what lies beside weights and says what they are (NAME.json beside NAME.safetensors)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pursuit.errors import WeightsError
from pursuit.files import atomic_path
from pursuit.networks.siamfc import SiamFCShape

Five = tuple[int, int, int, int, int]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Roots = dict[Literal["store", "start"], str]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Source(BaseModel):
    """A set of data that a network learnt from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    licence: str = "unknown"
    note: str = ""


# Of a network that nobody has calibrated: about those of the shipped ones.
SCORE_SCALE, SCORE_OFFSET = 10.0, 0.4


class Card(BaseModel):
    """What decides a set of weights and what it may be used for.

    Attributes:
        name: what `pursuit list` calls the weights.
        channels, groups, gain: form of the network, norms folded (`SiamFCShape`).
        input: what the network eats; there is one kind.
        recipe, seed: what trained it.
        data: what it learnt from, with licences.
        roots: digests of the `store`'s objects that it learnt from and of the weights it
            `start`ed from; without a key: not known, or begun at random.
        licence: what that means for whoever uses the weights.
        scores: figures it reached, by name, such as {"otb-dev auc": 0.56}.
        curves: the training in short: a list of values for each name, such as "loss".
        score_scale, score_offset: a target's confidence is
            1 / (1 + exp(-score_scale * (height - score_offset))), height being the highest
            value of its score map in terms of that in its first frame.
        origin: where imported weights come from.
        sha256: of the weights file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    network: Literal["siamfc"] = "siamfc"
    channels: Five
    groups: Five = (1, 2, 1, 2, 2)
    gain: Positive = 1e-3
    input: Literal["RGB 0..255"] = "RGB 0..255"
    recipe: str = ""
    seed: int | None = None
    data: tuple[Source, ...] = ()
    roots: Roots = {}
    licence: str = ""
    scores: dict[str, float] = {}
    curves: dict[str, tuple[float, ...]] = {}
    score_scale: Positive = SCORE_SCALE
    score_offset: Finite = SCORE_OFFSET
    origin: str = ""
    sha256: str = ""

    def shape(self) -> SiamFCShape:
        """Return the form of the network that the weights fit."""
        return SiamFCShape(channels=self.channels, groups=self.groups, norm=False, gain=self.gain)

    def with_values(self, **values: Any) -> Card:
        """Return a copy with other values, validated."""
        return Card.model_validate({**self.model_dump(), **values})


def card_for(shape: SiamFCShape, **values: Any) -> Card:
    """Return a card with the form of a network and other fields as given."""
    form = {"channels": shape.channels, "groups": shape.groups, "gain": shape.gain}
    return Card.model_validate({**form, **values})


def card_path(weights: Path) -> Path:
    """Return where the card of a weights file lies: beside it, with the suffix .json."""
    return weights.with_suffix(".json")


def read_card(path: Path) -> Card:
    """Return the card in a JSON file.

    Raises:
        WeightsError: it is missing, is not JSON, or lacks a field or holds a wrong one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WeightsError(
            f"{path} is missing: weights come with their card, keep both in one folder"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"cannot read the card {path}: {error}") from None
    try:
        return Card.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise WeightsError(f"the card {path} is wrong at {field}: {first['msg']}") from None


def write_card(path: Path, card: Card) -> None:
    """Write a card to a JSON file, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path) as part:
        part.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8", newline="\n")
