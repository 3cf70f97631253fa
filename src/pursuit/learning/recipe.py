"""Recipes: YAML files that hold everything that decides a training run.

`read` finds a shipped recipe by its name or a file by its path, lays it over the recipe it
names as its `base`, applies overrides written `optim.lr=0.01`, and checks every key and value.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pursuit.errors import RecipeError, nearest
from pursuit.files import named_file

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Width = Annotated[int, Field(ge=1, le=2**16)]  # the widest layer that a card can say
Widths = tuple[Width, Width, Width, Width, Width]
Precision = Literal["32-true", "bf16-mixed"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _TrunkRecipe(_Section):
    """Form of the five convolutions."""

    channels: Widths = (96, 256, 384, 384, 256)
    groups: Widths = (1, 2, 1, 2, 2)

    @model_validator(mode="after")
    def _groups_share(self) -> Self:
        layers = zip((3, *self.channels), self.channels, self.groups, strict=False)
        for number, (before, after, groups) in enumerate(layers, start=1):
            if before % groups or after % groups:
                raise ValueError(
                    f"conv{number} has {before} channels in and {after} out, which its {groups} "
                    "groups cannot share evenly"
                )
        return self


class NetworkRecipe(_TrunkRecipe):
    """Form of the network (paper, Table 1)."""

    norm_last: bool = False  # batch norm after conv5 too: the paper's text, not its program
    gain: Annotated[float, Field(gt=0)] = 1e-3
    start: str = ""  # weights or a run's checkpoint to start from, of these widths or narrower


class DataRecipe(_Section):
    """Which pairs are drawn from the store (paper, section 2.2)."""

    store: str = ""
    max_gap: Annotated[int, Field(ge=1)] = 100  # T, frames between exemplar and search window
    gray: Share = 0.0  # pairs made gray, both windows together
    still: Share = 0.0  # pairs from labelled stills, each paired with itself
    unlabelled: Share = 0.0  # pairs from pictures without labels, likewise
    video_weight: Literal["even", "sqrt"] = "even"  # sqrt: of its frames, up to 20
    held_out: tuple[str, ...] = ()  # videos kept for judging, never trained on
    held_out_stills: Share = 0.0  # of the labelled stills, likewise; chosen by their names
    # Of the other videos, chosen by the seed: those of a smaller share are part of a larger one's.
    share: Annotated[float, Field(gt=0, le=1)] = 1.0


class AugmentRecipe(_Section):
    """How windows are changed; lengths in pixels of the 127 / 255 windows.

    The defaults are the authors' program's: a stretch a side and a small shift.
    """

    stretch: Share = 0.05  # each side by a factor within 1 -+ stretch, independently
    scale_exemplar: Share = 0.0  # both sides together
    scale_search: Share = 0.0
    shift_exemplar: Amount = 3.0
    shift_search: Amount = 4.0
    colour_noise: Amount = 0.0  # offset a channel, standard deviation in gray levels
    flip: bool = False  # half of the pairs, both windows together
    rotate: Amount = 0.0  # degrees, each window within -+ this
    light: Share = 0.0  # gain and offset of all channels
    tint: Share = 0.0  # gain of each channel
    blur: Share = 0.0  # share of windows blurred, by focus or by motion
    low_resolution: Share = 0.0  # share of windows seen through fewer pixels
    surround: Share = 0.0  # share of windows that show another picture outside their frame
    background: Share = 0.0  # share of windows whose target stands before another picture
    look_alike: Share = 0.0  # share of search windows with another target pasted beside
    occlusion: Share = 0.0  # share of search windows with the target partly covered
    patch: Share = 0.0  # share of self-pairs that follow a random patch, not the box


class LossRecipe(_Section):
    """Labels and loss (paper, eqs. 3, 4, 6)."""

    radius: Annotated[float, Field(gt=0)] = 16.0  # R, pixels
    balanced: bool = True
    negatives: Amount = 0.0  # weight of maps of exemplars against others' search windows


class OptimRecipe(_Section):
    """SGD and its schedule (paper, section 4.1)."""

    lr: Annotated[float, Field(gt=0)] = 1e-2
    lr_last: Annotated[float, Field(gt=0)] = 1e-5  # geometric, an epoch a step, both ends exact
    warmup: Annotated[int, Field(ge=0)] = 0  # steps of linear growth at the start
    momentum: Share = 0.9
    reset_momentum: bool = False  # each epoch starts with none, as in the authors' program
    weight_decay: Amount = 5e-4
    clip: Amount = 0.0  # largest norm of the gradient; 0: no limit
    norm_momentum: Share = 0.05


class Recipe(_Section):
    """What the recipes of all networks have, and what follows from it.

    A recipe's text is part of cards and checkpoints, so each network's recipe lists the later
    fields itself, in its own order.
    """

    about: str = ""
    tracker: str = "siamfc-3s"  # preset that judges the weights
    seed: int = 0
    epochs: Count = 50
    pairs: Count = 50_000  # an epoch; of what the network compares: exemplar and search window
    batch: Annotated[int, Field(ge=2)] = 8  # pairs

    # Fields that came when there were runs already: section, name, what those did.
    _later: ClassVar[tuple[tuple[str, str, float], ...]] = (
        ("data", "share", 1.0),
        ("data", "held_out_stills", 0.0),
    )

    if TYPE_CHECKING:
        method: str
        precision: Precision
        network: NetworkRecipe | GOTURNNetworkRecipe
        data: DataRecipe
        optim: OptimRecipe

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch: at least one."""
        return max(1, self.pairs // self.batch)

    @property
    def steps(self) -> int:
        """Batches of the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with any field that decides the weights."""
        values = self.model_dump(mode="json", exclude={"about", "tracker"})
        values["data"].pop("store")  # where things lie decides nothing
        for section, field, value in self._later:
            if values[section][field] == value:  # as recipes were before there was such a field
                values[section].pop(field)
        values["network"]["start"] = bool(values["network"]["start"])
        text = yaml.safe_dump(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rate = self._scheduled(step)
        if step < self.optim.warmup:
            rate *= (step + 1) / (self.optim.warmup + 1)
        return rate

    def _scheduled(self, step: int) -> float:
        epoch = min(step // self.steps_per_epoch, self.epochs - 1)
        share = epoch / max(1, self.epochs - 1)
        if share == 1:  # the power can miss the last value by a rounding
            return self.optim.lr_last
        return self.optim.lr * (self.optim.lr_last / self.optim.lr) ** share


class SiamFCRecipe(Recipe):
    """Everything that decides a training run of SiamFC."""

    # Left out where recipes are written: as they were before there was a second network.
    method: Literal["siamfc"] = Field(default="siamfc", exclude=True)
    search: Literal[239, 255] = 255
    precision: Precision = "bf16-mixed"
    network: NetworkRecipe = NetworkRecipe()
    data: DataRecipe = DataRecipe()
    augment: AugmentRecipe = AugmentRecipe()
    loss: LossRecipe = LossRecipe()
    optim: OptimRecipe = OptimRecipe()


class GOTURNNetworkRecipe(_TrunkRecipe):
    """Form of GOTURN's network (paper, section 3.3) and what its first weights are."""

    hidden: tuple[Width, Width, Width] = (4096, 4096, 4096)
    norm: Literal["lrn", "batch", "none"] = "lrn"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    # The trunk is not learnt, or its first convolutions are not.
    frozen: bool | Annotated[int, Field(ge=1, le=4)] = True
    # first: of what does not start from other weights. caffe: the authors' fillers; he: as wide
    # as each layer's inputs ask, first outputs at a target that did not move.
    first: Literal["caffe", "he"] = "caffe"
    start: str = ""  # a .caffemodel, weights of SiamFC or GOTURN, or a run's checkpoint


class GOTURNDataRecipe(DataRecipe):
    """Which pairs of frames are drawn from the store (paper, section 3.4)."""

    max_gap: Count = 1  # labelled frames between the two; each further one 0.4 times as often
    reversed: Share = 0.0  # pairs of frames that run backwards
    far: Share = 0.0  # of the pairs from videos: at any time apart, all search crops moved ones
    far_gap: Count = 60  # the most labelled frames between those
    previous: bool = True  # False: the network is not shown the previous frame (paper, Figure 7)
    still: Share = 0.5  # pairs from labelled stills, each paired with itself
    largest: Positive = 0.66  # stills whose box fills this of a side of the picture are left out

    @model_validator(mode="after")
    def _fits(self) -> GOTURNDataRecipe:
        if self.held_out_stills:
            raise ValueError("held_out_stills is for method siamfc")
        return self


class MotionRecipe(_Section):
    """How boxes move from frame to frame (paper, section 3.4.1; lengths in box widths)."""

    shift: Positive = 0.2  # b of the centre's Laplace distribution
    scale: Positive = 1 / 15  # b of the size's
    limit: Annotated[float, Field(gt=0, lt=1)] = 0.4  # sizes change by a factor within 1 -+ this
    law: Literal["laplace", "uniform"] = "laplace"
    rule: Literal["paper", "program"] = "paper"  # which motions serve, see learning/motion.py
    moved: Annotated[int, Field(ge=0)] = 10  # k3, moved search crops a pair of frames, and the true


class GOTURNAugmentRecipe(_Section):
    """How crops are changed; the paper's are not."""

    jitter: Amount = 0.0  # b of the previous box's error, of centre in box widths, of log size
    patch: Share = 0.0  # stills that follow a random patch, not their box
    flip: bool = False  # half of the pairs of frames, both crops together
    rotate: Amount = 0.0  # degrees, search crops that lie within their frame within -+ this
    light: Share = 0.0  # gain and offset of all channels, both crops together
    tint: Share = 0.0  # gain of each channel, likewise
    light_apart: Share = 0.0  # gain and offset of all channels, each crop by itself
    blur: Share = 0.0  # share of crops blurred, by focus or by motion
    low_resolution: Share = 0.0  # share of crops seen through fewer pixels
    background: Share = 0.0  # share of crops whose target stands before another picture
    look_alike: Share = 0.0  # share of search crops with another target pasted beside
    occlusion: Share = 0.0  # share of search crops with the target partly covered


class GOTURNLossRecipe(_Section):
    """Loss (paper, section 3.4): summed over the four corners' values and over the batch."""

    kind: Literal["l1", "l2"] = "l1"  # l2: half of the square; both pull alike at an error of 1
    giou: Amount = 0.0  # weight of 1 - generalised overlap, an example, beside it


class GOTURNOptimRecipe(OptimRecipe):
    """Caffe's SGD, where the rate is part of what momentum keeps; or AdamW."""

    lr: Positive = 1e-5  # of weights; in SGD biases have twice this
    kind: Literal["sgd", "adamw"] = "sgd"
    trunk: Positive = 1.0  # the trunk's rate for 1 of the head's
    schedule: Literal["step", "geometric", "cosine"] = "step"
    lr_last: Positive = 1e-9  # geometric: of the last epoch
    step_every: Count = 100_000  # step: steps
    step_factor: Annotated[float, Field(gt=0, le=1)] = 0.1  # step: of the rate before

    @model_validator(mode="after")
    def _fits(self) -> GOTURNOptimRecipe:
        if self.kind == "adamw" and self.reset_momentum:
            raise ValueError("reset_momentum is for kind sgd")
        return self


class GOTURNRecipe(Recipe):
    """Everything that decides a training run of GOTURN."""

    _later: ClassVar[tuple[tuple[str, str, float], ...]] = (
        *Recipe._later,
        ("augment", "rotate", 0.0),
        ("augment", "background", 0.0),
        ("augment", "look_alike", 0.0),
        ("augment", "occlusion", 0.0),
    )

    method: Literal["goturn"] = "goturn"
    tracker: str = "goturn"
    batch: Annotated[int, Field(ge=2)] = 50  # pairs of a target crop and a search crop
    precision: Precision = "32-true"
    network: GOTURNNetworkRecipe = GOTURNNetworkRecipe()
    data: GOTURNDataRecipe = GOTURNDataRecipe()
    motion: MotionRecipe = MotionRecipe()
    augment: GOTURNAugmentRecipe = GOTURNAugmentRecipe()
    loss: GOTURNLossRecipe = GOTURNLossRecipe()
    optim: GOTURNOptimRecipe = GOTURNOptimRecipe()

    def _scheduled(self, step: int) -> float:
        optim = self.optim
        if optim.schedule == "step":
            return optim.lr * optim.step_factor ** (step // optim.step_every)
        if optim.schedule == "cosine":
            return optim.lr * (1 + math.cos(math.pi * step / self.steps)) / 2
        return super()._scheduled(step)


_METHODS: dict[str, type[SiamFCRecipe] | type[GOTURNRecipe]] = {
    "siamfc": SiamFCRecipe,
    "goturn": GOTURNRecipe,
}


def shipped() -> dict[str, Path]:
    """Return the recipes inside the package: name -> file."""
    folder = Path(str(resources.files("pursuit.learning"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """Return a recipe by its name or path, with overrides such as `optim.lr=0.01`.

    `data=PATH` is short for `data.store=PATH`.

    Raises:
        RecipeError: no such recipe or base, bases in a circle, an empty file, not YAML, an
            unknown key or an impossible value.
    """
    path = named_file(name, shipped(), kind="recipes", missing="no recipe", error=RecipeError)
    values = _merged(path)
    for override in overrides:
        _override(values, override)
    return check(values, str(path))


def parse(text: str, where: str) -> Recipe:
    """Return the whole recipe in a text of YAML, as in a card; `where` names it in errors.

    Raises:
        RecipeError: as `read`.
    """
    return check(_table(text, where), where)


def check(values: dict[str, Any], where: str) -> Recipe:
    """Return the recipe that holds these values; `where` names them in errors."""
    method = values.get("method", "siamfc")
    kind = _METHODS.get(method) if isinstance(method, str) else None
    if kind is None:
        raise RecipeError(
            f"recipe {where}: method: must be {' or '.join(_METHODS)}; got {method!r}"
        )
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"recipe {where}: {_first(error, kind)}") from error


def _merged(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return the values of a recipe over those of its base; `above` are the recipes that led here.

    A table is merged key by key; a value or a list stands whole in place of the base's.
    """
    chain = (*above, path)
    if path.resolve() in {one.resolve() for one in above}:
        names = " -> ".join(one.name for one in chain)
        raise RecipeError(f"recipe {above[0]}: its bases go in a circle: {names}")
    values = _values(path)
    if "base" not in values:
        return values
    base = values.pop("base")
    return _over(_merged(_base(base, path), chain), values)


def _values(path: Path) -> dict[str, Any]:
    try:
        return _table(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(str(path), error) from error


def _table(text: str, where: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _unreadable(where, error) from error
    if values is None or values == {}:
        raise RecipeError(
            f"recipe {where} is empty: name a recipe to start from, base: siamfc-slim, and what "
            "is to differ"
        )
    if not isinstance(values, dict):
        raise RecipeError(f"recipe {where} must be a table of keys and values")
    return values


def _unreadable(where: str, error: Exception) -> RecipeError:
    return RecipeError(f"cannot read recipe {where}: {' '.join(str(error).split())}")


def _base(name: object, path: Path) -> Path:
    """Return the file that the recipe at `path` calls its base: a shipped one or beside it."""
    recipes = shipped()
    if isinstance(name, str) and name in recipes:
        return recipes[name]
    if isinstance(name, str) and (path.parent / name).is_file():
        return path.parent / name
    hint = nearest(str(name), recipes) or f"; shipped recipes: {', '.join(recipes)}"
    raise RecipeError(f"recipe {path}: there is no base {name}, shipped or beside it{hint}")


def _over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        under = merged.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        merged[key] = _over(under, value) if both else value  # type: ignore[arg-type]
    return merged


def _override(values: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise RecipeError(f"an override is written KEY=VALUE, as optim.lr=0.01; got {text}")
    parts = ["data", "store"] if key == "data" else key.split(".")
    try:
        # Nothing is the empty text, as in network.start=; YAML reads it as null.
        parsed = yaml.safe_load(value) if value and parts != ["data", "store"] else value
    except yaml.YAMLError:
        raise RecipeError(f"override {key}: cannot read the value {value!r}") from None
    if isinstance(parsed, str) and parts != ["data", "store"]:
        with contextlib.suppress(ValueError):  # YAML reads 1e-2 as text
            parsed = float(parsed)
    place = values
    for part in parts[:-1]:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise RecipeError(f"override {key}: {part} is a value, it has no fields")
    place[parts[-1]] = parsed


def _first(error: ValidationError, kind: type[BaseModel]) -> str:
    """Say the first problem in one line; an unknown key names its nearest neighbour."""
    problem = error.errors()[0]
    place = [str(part) for part in problem["loc"]]
    if problem["type"] == "extra_forbidden":
        known = _fields(kind, place[:-1])
        return f"unknown key {'.'.join(place)}{nearest(place[-1], known)}"
    name = ".".join(place)
    if problem["type"] == "tuple_type":
        return f"{name}: a list is wanted, as '{name}=[A,B]'; got {problem['input']!r}"
    if problem["type"] == "value_error":  # of fields that do not fit each other: it says which
        return f"{name}: {problem['ctx']['error']}"
    return f"{name}: {problem['msg']}; got {problem['input']!r}"


def _fields(model: type[BaseModel], place: list[str]) -> list[str]:
    for part in place:
        model = model.model_fields[part].annotation  # type: ignore[assignment]
    return list(model.model_fields)
