"""The card: what lies beside weights and says what they are (NAME.json beside NAME.safetensors).

A card is of one of two forms, which its field `network` tells apart: `SiamFCCard`, `GOTURNCard`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, overload

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pursuit.errors import WeightsError
from pursuit.files import atomic_path
from pursuit.networks.goturn import GOTURNShape
from pursuit.networks.siamfc import SiamFCShape

Width = Annotated[int, Field(gt=0)]
Three = tuple[Width, Width, Width]
Five = tuple[Width, Width, Width, Width, Width]
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


class _Shared(BaseModel):
    """What the cards of all networks say of the weights, and what these may be used for.

    Attributes:
        recipe, seed: what trained it.
        data: what it learnt from, with licences.
        roots: digests of the `store`'s objects that it learnt from and of the weights it
            `start`ed from; without a key: not known, or begun at random.
        licence: what that means for whoever uses the weights.
        scores: figures it reached, by name, such as {"otb-dev auc": 0.56}.
        curves: the training in short: a list of values for each name, such as "loss".
        score_scale, score_offset: a target's confidence is
            1 / (1 + exp(-score_scale * (signal - score_offset))); the signal is the tracker's
            own: SiamFC's is the highest value of the target's score map in terms of that in its
            first frame.
        origin: where imported weights come from.
        sha256: of the weights file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    def with_values(self, **values: Any) -> Self:
        """Return a copy with other values, validated."""
        return self.model_validate({**self.model_dump(), **values})


# The forms are classes of their own so that a written card begins with them.
class _SiamFCForm(BaseModel):
    name: str
    network: Literal["siamfc"] = "siamfc"
    channels: Five
    groups: Five = (1, 2, 1, 2, 2)
    gain: Positive = 1e-3
    input: Literal["RGB 0..255"] = "RGB 0..255"


class _GOTURNForm(BaseModel):
    name: str
    network: Literal["goturn"] = "goturn"
    channels: Five
    groups: Five = (1, 2, 1, 2, 2)
    hidden: Three
    norm: Literal["lrn", "none"] = "lrn"
    input: Literal["BGR 0..255 minus 104 117 123"] = "BGR 0..255 minus 104 117 123"


class SiamFCCard(_Shared, _SiamFCForm):
    """What decides a set of SiamFC's weights and what it may be used for.

    Attributes:
        name: what `pursuit list` calls the weights.
        channels, groups, gain: form of the network, norms folded (`SiamFCShape`).
        input: what its first convolution eats; there is one kind.
    """

    def shape(self) -> SiamFCShape:
        """Return the form of the network that the weights fit."""
        return SiamFCShape(channels=self.channels, groups=self.groups, norm=False, gain=self.gain)


class GOTURNCard(_Shared, _GOTURNForm):
    """What decides a set of GOTURN's weights and what it may be used for.

    Attributes:
        name: what `pursuit list` calls the weights.
        channels, groups, hidden, norm: form of the network, batch norms folded (`GOTURNShape`).
        input: what its first convolution eats; there is one kind, which `GOTURN` makes of RGB.
    """

    def shape(self) -> GOTURNShape:
        """Return the form of the network that the weights fit."""
        return GOTURNShape(self.channels, self.groups, self.hidden, self.norm)


Card = Annotated[SiamFCCard | GOTURNCard, Field(discriminator="network")]
_CARD: TypeAdapter[SiamFCCard | GOTURNCard] = TypeAdapter(Card)


def form(shape: SiamFCShape | GOTURNShape) -> dict[str, Any]:
    """Return the fields of a card that say the form of a network, norms folded."""
    same = {"channels": shape.channels, "groups": shape.groups}
    if isinstance(shape, SiamFCShape):
        return {**same, "gain": shape.gain}
    return {**same, "hidden": shape.hidden, "norm": "none" if shape.norm == "batch" else shape.norm}


@overload
def card_for(shape: SiamFCShape, **values: Any) -> SiamFCCard: ...
@overload
def card_for(shape: GOTURNShape, **values: Any) -> GOTURNCard: ...
def card_for(shape: SiamFCShape | GOTURNShape, **values: Any) -> Card:
    """Return a card with the form of a network and other fields as given."""
    kind = SiamFCCard if isinstance(shape, SiamFCShape) else GOTURNCard
    return kind.model_validate({**form(shape), **values})


def card_path(weights: Path) -> Path:
    """Return where the card of a weights file lies: beside it, with the suffix .json."""
    return weights.with_suffix(".json")


def parse_card(values: object) -> Card:
    """Return the card of plain values, as `model_dump` gives them.

    Raises:
        pydantic.ValidationError: they are not those of a card.
    """
    return _CARD.validate_python(values)


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
        return _CARD.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = first["loc"][1:]  # after the form that it was held against
        if first["type"].startswith("union_tag"):
            place = ("network",)
        field = ".".join(str(part) for part in place) or "the file"
        raise WeightsError(f"the card {path} is wrong at {field}: {first['msg']}") from None


def write_card(path: Path, card: Card) -> None:
    """Write a card to a JSON file, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path) as part:
        part.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8", newline="\n")
