from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pursuit import store as stores
from pursuit import weights
from pursuit.errors import RecipeError
from pursuit.learning import goturn, goturn_batches, recipe, training
from pursuit.learning.caffe_sgd import CaffeSGD
from pursuit.learning.checkpoints import CHECKPOINT
from pursuit.learning.frame_pairs import FramePairs
from pursuit.learning.loop import Report
from pursuit.learning.pool import CropPool
from pursuit.learning.recipe import GOTURNLossRecipe, GOTURNNetworkRecipe, GOTURNRecipe
from pursuit.learning.world import World
from pursuit.networks.goturn import CROP, GOTURN, GOTURNShape, linears
from pursuit.weights import GOTURNCard

SMALL = (
    "network.channels=[4,8,8,8,8]",
    "network.hidden=[16,16,16]",
    "batch=12",
    "pairs=36",
    "epochs=2",
    "data.held_out=[video0]",
)


def _recipe(store: Path, *more: str, name: str = "goturn-paper") -> GOTURNRecipe:
    chosen = recipe.read(name, [f"data={store}", *SMALL, *more])
    assert isinstance(chosen, GOTURNRecipe)
    return chosen


def _examples(store: Path, *more: str, world: World | None = None) -> goturn_batches.Examples:
    opened = stores.open(store)
    chosen = _recipe(store, *more)
    pool = CropPool(opened, torch.device("cpu"))
    return goturn_batches.training_examples(opened, chosen, pool, world or World())


LEARNT = "network.frozen=false"  # the trunk too, which starts from nothing


def _train(chosen: GOTURNRecipe, out: Path, **options: object) -> tuple[list[Report], object]:
    told: list[Report] = []
    trained = training.train(chosen, "small", out, tell=told.append, **options)  # type: ignore[arg-type]
    return told, trained


def test_batches_take_the_examples_of_the_stream_in_turn(small_store: Path) -> None:
    """11 examples a pair: batches of 12 carry the rest of a pair over."""
    short = [_examples(small_store).batch(step) for step in range(5)]
    long = _examples(small_store, "batch=60").batch(0)
    assert [len(batch.target) for batch in short] == [2] * 5 and len(long.target) == 6
    assert torch.equal(torch.cat([batch.corners for batch in short]), long.corners)
    assert torch.equal(torch.cat([batch.search for batch in short]), long.search)
    assert torch.equal(short[1].target[0], short[0].target[1])  # pair 1 is in both
    of = [0] * 11 + [1] * 11 + [2] * 11 + [3] * 11 + [4] * 11 + [5] * 5
    assert long.of.tolist() == of
    assert short[1].of.tolist() == [0] * 10 + [1] * 2


def test_processes_share_a_batch(small_store: Path) -> None:
    more = ("augment.flip=true", "augment.light=0.2", "augment.blur=0.5", "data.gray=0.5")
    whole = _examples(small_store, *more).batch(3)
    parts = [
        _examples(small_store, *more, world=World(rank, 2, rank, 2)).batch(3) for rank in (0, 1)
    ]
    assert torch.equal(torch.cat([part.corners for part in parts]), whole.corners)
    for part, rows in zip(parts, (slice(0, 6), slice(6, 12)), strict=True):
        torch.testing.assert_close(part.search, whole.search[rows], rtol=0, atol=0.01)
        torch.testing.assert_close(
            part.target[part.of], whole.target[whole.of[rows]], rtol=0, atol=0.01
        )


def test_the_true_example_is_where_a_tracker_looks(small_store: Path) -> None:
    """A 40 x 40 target that moved by 3, 2 pixels, in a crop of 80 x 80."""
    batch = _examples(small_store, "data.still=0").batch(0)
    x, y = 2.5 + 10 * 3 / 80, 2.5 + 10 * 2 / 80
    np.testing.assert_allclose(batch.corners[0], [x, y, x + 5, y + 5], atol=1e-4)
    np.testing.assert_allclose(batch.corners[11], [x, y, x + 5, y + 5], atol=1e-4)
    still = _examples(small_store, "data.still=1").batch(0)
    np.testing.assert_allclose(still.corners[0], [2.5, 2.5, 7.5, 7.5], atol=1e-4)
    assert len(batch.corners.unique(dim=0)) == 11  # 10 moved ones and the true one, twice


def test_crops_show_what_their_corners_say(small_store: Path) -> None:
    """The target's own picture, cut out at the corners, is the same in every crop of a pair."""
    batch = _examples(small_store, "data.still=1", "augment.flip=true", "seed=2").batch(0)
    pictures = []
    for image, corners in zip(batch.search[:11], batch.corners[:11], strict=True):
        pictures.append(_cut_out(image, corners))
    target = _cut_out(batch.target[0], torch.tensor([2.5, 2.5, 7.5, 7.5]))
    assert target.std() > 20
    for picture in pictures:
        assert np.nanmean(np.abs(picture - target)) < 4
    elsewhere = _cut_out(batch.search[3], batch.corners[3] + 1.5)
    assert np.nanmean(np.abs(elsewhere - target)) > 15


def _cut_out(image: Tensor, corners: Tensor) -> np.ndarray:
    """Return (54, 54, 3), NaN where the corners lie outside the crop."""
    x1, y1, x2, y2 = (corners * CROP / 10).tolist()
    step = (x2 - x1) / 60, (y2 - y1) / 60
    matrix = np.array([[step[0], 0, x1 + step[0] / 2 - 0.5], [0, step[1], y1 + step[1] / 2 - 0.5]])
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    nothing = (np.nan,) * 3
    return cv2.warpAffine(pixels, matrix, (60, 60), flags=flags, borderValue=nothing)[3:-3, 3:-3]


def test_mirrored_crops_have_mirrored_corners(small_store: Path) -> None:
    plain = _examples(small_store, "data.still=0").batch(0)
    found = [
        _examples(small_store, "data.still=0", "augment.flip=true", f"batch={size}").batch(0)
        for size in (12, 13, 14, 15)
    ]
    mirrored = 0
    for batch in found:
        if torch.equal(batch.corners[:11], plain.corners[:11]):
            continue
        mirrored += 1
        turned = plain.corners[:11, [2, 1, 0, 3]] * torch.tensor([-1.0, 1, -1, 1])
        expected = turned + torch.tensor([10.0, 0, 10, 0])
        torch.testing.assert_close(batch.corners[:11], expected, rtol=0, atol=1e-4)
        difference = (batch.search[:11].flip(3) - plain.search[:11]).abs()
        assert difference.mean() < 1
    # The random numbers of a step do not depend on the size of the batch: all are or none is.
    assert mirrored == 4
    other = _examples(small_store, "data.still=0", "augment.flip=true")
    shares = [
        not torch.equal(
            other.batch(s).corners, _examples(small_store, "data.still=0").batch(s).corners
        )
        for s in range(8)
    ]
    assert sum(shares) >= 3


def test_crops_are_black_outside_the_frame(small_store: Path) -> None:
    store = stores.open(small_store)
    store.inside = store.inside.copy()
    row, x, y = 0, 60.0, 50.0  # the frame ends within this crop
    store.inside[row] = x, y, 200, 200
    pool = CropPool(store, torch.device("cpu"))
    chosen = _recipe(small_store)
    examples = goturn_batches.Examples(FramePairs(store, chosen), store, chosen, pool, World())
    look = goturn_batches._looks(
        _recipe(small_store, "augment.light=0.3"), np.zeros(1, dtype=int), np.random.default_rng(0)
    )[0]
    box = np.array([[x - 15, y - 10, 30.0, 20.0]])  # its middle in the frame's corner
    rows = np.array([row])
    crops = goturn_batches._Crops(rows, goturn_batches._places(box, np.ones(1)), rows, look)
    crop = examples._windows(crops)[0]
    assert (crop[:, :110] == 0).all() and (crop[:, :, :110] == 0).all()
    assert (crop[:, 118:, 118:] > 0).float().mean() > 0.99


def test_turned_crops_keep_what_they_are_turned_about() -> None:
    boxes, about = np.array([[20.0, 30, 40, 60]]), np.array([[50.0, 40]])
    places = goturn_batches._places(boxes, -np.ones(1))
    quarter = goturn_batches._turned(places, about, np.array([np.pi / 2]))
    # The middle (40, 60) is (-10, 20) from there: a quarter turn makes it (-20, -10).
    np.testing.assert_allclose(quarter[0, :, 2], [30, 30], atol=1e-9)
    np.testing.assert_allclose(quarter[0, :, :2], [[0, -60], [-40, 0]], atol=1e-9)


def test_crops_are_turned_only_where_their_frame_fills_them(small_store: Path) -> None:
    store = stores.open(small_store)
    store.inside = store.inside.copy()
    store.inside[0], store.inside[1] = (0, 0, store.size, store.size), (60, 60, 200, 200)
    chosen = _recipe(small_store, "augment.rotate=20")
    pool = CropPool(store, torch.device("cpu"))
    examples = goturn_batches.Examples(FramePairs(store, chosen), store, chosen, pool, World())
    middle = store.size / 2
    box = np.array([[middle - 30, middle - 30, 60.0, 60.0]])
    places = goturn_batches._places(np.repeat(box, 2, 0), np.ones(2))
    look = goturn_batches._looks(chosen, np.arange(2), np.random.default_rng(0))[0]
    crops = goturn_batches._Crops(np.arange(2), places, np.arange(2), look)
    store.inside[1] = (middle - 50, 0, 400, 400)  # the crop of twice the box looks past that
    turned = examples._rotated(crops, np.full((2, 2), middle), np.random.default_rng(0)).places
    assert abs(turned[0, 0, 1]) > 0.01
    np.testing.assert_allclose(np.linalg.det(turned[:, :, :2]), 3600)
    np.testing.assert_array_equal(turned[1], places[1])


@pytest.mark.parametrize(("change", "targets_too"), [("background", True), ("occlusion", False)])
def test_pieces_of_other_pictures(small_store: Path, change: str, targets_too: bool) -> None:
    plain = _examples(small_store)
    pieces = _examples(small_store, f"augment.{change}=1")
    middle, around = [], []
    for step in range(4):
        one, two = plain.batch(step), pieces.batch(step)
        assert torch.equal(one.corners, two.corners)
        assert torch.equal(one.target, two.target) != targets_too
        changed = (one.search - two.search).abs().sum(1) > 3
        scaled = (one.corners * (CROP / 10)).round().int().clamp(0, CROP)
        for image, (left, top, right, bottom) in zip(changed, scaled.tolist(), strict=True):
            across, down = (right - left) // 4, (bottom - top) // 4
            inner = image[top + down : bottom - down, left + across : right - across]
            middle.append(inner.float().mean())
            around.append((image.sum() - image[top:bottom, left:right].sum()) / image.numel())
    if change == "background":
        assert max(middle) == 0 and np.mean(around) > 0.3
    else:
        assert np.mean(middle) > 0.1 and np.mean(around) < 0.1


def test_the_first_convolutions_may_stay_as_they_are() -> None:
    form = GOTURNNetworkRecipe(channels=(8, 8, 8, 8, 8), hidden=(8, 8, 8), norm="batch", frozen=2)
    recipe = GOTURNRecipe(network=form)
    network = goturn.build_network(form)
    learnt = [
        p for group in goturn.optimiser(network, recipe).param_groups for p in group["params"]
    ]
    kept = {id(p) for block in list(network.trunk)[:2] for p in block.parameters()}
    assert kept and not kept & {id(p) for p in learnt}
    assert {id(p) for p in network.parameters()} == kept | {id(p) for p in learnt}
    learner = goturn.Learner(network, recipe)
    assert [block.training for block in learner.train().network.trunk] == [False] * 2 + [True] * 3


def test_loss_is_summed_over_corners() -> None:
    found = torch.tensor([[2.0, 2.5, 7.5, 9.5], [0.0, 0, 0, 0]])
    true = torch.tensor([[2.5, 2.5, 7.5, 7.5]] * 2)
    assert goturn.corner_loss(found, true, GOTURNLossRecipe()).tolist() == [2.5, 20]
    squared = goturn.corner_loss(found, true, GOTURNLossRecipe(kind="l2"))
    assert squared.tolist() == pytest.approx([2.125, 62.5])


def test_generalised_overlap() -> None:
    one = torch.tensor([[0.0, 0, 2, 2]]).repeat(3, 1)
    two = torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2], [4, 0, 6, 2]])
    # The same; a third of the union; apart, two of six columns empty between them.
    assert goturn.generalised_overlap(one, two).tolist() == pytest.approx([1, 1 / 3, -1 / 3])


def test_the_batch_sums_its_examples(small_store: Path) -> None:
    chosen = _recipe(small_store)
    network = GOTURN(goturn.shape_of(chosen.network))
    goturn.first_weights(network, chosen)
    batch = _examples(small_store).batch(0)
    learner = goturn.Learner(network, chosen).eval()
    with torch.no_grad():
        loss, found = learner(batch)
    assert float(loss) == pytest.approx(float((found - batch.corners).abs().sum()), rel=1e-5)
    # Nothing learnt yet: an output near 0 is 20 an example.
    assert float(loss) / 12 == pytest.approx(20, rel=0.2)


def test_centre_error_is_in_pixels_of_the_crop() -> None:
    true = torch.tensor([[2.5, 2.5, 7.5, 7.5]])
    batch = goturn_batches.Batch(torch.zeros(0), torch.zeros(0), torch.zeros(0), true)
    error = goturn.centre_error(true + torch.tensor([[3.0, 4, 3, 4]]), batch)
    assert float(error) == pytest.approx(5 * 22.7)
    assert float(goturn.centre_error(true + torch.tensor([[-1.0, 0, 1, 0]]), batch)) == 0


def test_steps_are_caffes_where_the_rate_falls() -> None:
    weight = nn.Parameter(torch.tensor([2.0]))
    group = {"params": [weight], "weight_decay": 0.1}
    optimiser = CaffeSGD([group], lr=0.5, momentum=0.9)
    value, velocity = 2.0, 0.0
    for rate, gradient in ((0.5, 1.0), (0.5, -2.0), (0.05, 3.0), (0.05, 0.0)):
        optimiser.param_groups[0]["lr"] = rate
        weight.grad = torch.tensor([gradient])
        optimiser.step()
        velocity = 0.9 * velocity + rate * (gradient + 0.1 * value)
        value -= velocity
        assert float(weight.detach()) == pytest.approx(value, rel=1e-6)


def test_optimiser_of_the_paper(small_store: Path) -> None:
    chosen = _recipe(small_store)
    network = GOTURN(goturn.shape_of(chosen.network))
    groups = goturn.optimiser(network, chosen).param_groups
    of = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    assert len(of) == 8  # the trunk is not learnt
    for layer in linears(network):
        assert of[id(layer.weight)] == (1e-5, 5e-4)
        assert of[id(layer.bias)] == (2e-5, 0)
    assert not any(p.requires_grad for p in network.trunk.parameters())


def test_optimiser_of_the_compact_network(small_store: Path) -> None:
    chosen = _recipe(small_store, "network.start=", LEARNT, name="goturn-compact")
    network = GOTURN(goturn.shape_of(chosen.network))
    found = goturn.optimiser(network, chosen)
    assert isinstance(found, torch.optim.AdamW)
    of = {
        id(p): (g["multiplier"], g["weight_decay"]) for g in found.param_groups for p in g["params"]
    }
    conv, norm = network.trunk[0][0], network.trunk[0][1]
    assert of[id(conv.weight)] == (0.3, 0.01) and of[id(conv.bias)] == (0.3, 0)
    assert of[id(norm.weight)] == of[id(norm.bias)] == (0.3, 0)
    layer, norm = network.head[0][0], network.head[0][1]
    assert of[id(layer.weight)] == (1, 0.01) and of[id(layer.bias)] == (1, 0)
    assert of[id(norm.weight)] == of[id(norm.bias)] == (1, 0)
    assert len(of) == len(list(network.parameters()))


def test_training_leaves_weights_with_a_card(small_store: Path, tmp_path: Path) -> None:
    told, trained = _train(_recipe(small_store, LEARNT), tmp_path)
    assert isinstance(trained, training.Trained)
    network, card = weights.read(trained.weights)
    assert isinstance(network, GOTURN) and isinstance(card, GOTURNCard)
    assert (card.channels, card.hidden, card.norm) == ((4, 8, 8, 8, 8), (16, 16, 16), "lrn")
    assert [source.note for source in card.data] == ["8 objects, still", "5 objects, video"]
    assert len(card.curves["held-out loss"]) == 2 and "method: goturn" in card.recipe
    assert recipe.parse(card.recipe, "card").data.held_out == ("video0",)
    assert told[-1].step == told[-1].steps == 6
    assert told[-1].held_out_error is not None and told[-1].held_out_error > 0
    again, same = _train(_recipe(small_store, LEARNT), tmp_path)
    assert again == [] and same == trained  # it has ended


def test_what_a_score_means_is_kept_from_goturn_alone(small_store: Path, tmp_path: Path) -> None:
    """SiamFC's is the height of a peak, GOTURN's how much views agree; data and licence bind."""
    more = ("network.channels=[32,88,128,128,96]", LEARNT, "epochs=1", "pairs=12")
    start = "network.start=siamfc-slim"
    _, trained = _train(_recipe(small_store, *more, start), tmp_path / "one")
    before = weights.read_card(weights.card_path(weights.find("siamfc-slim")))
    assert isinstance(trained, training.Trained)
    network, card = weights.read_goturn(trained.weights)
    assert (card.score_scale, card.score_offset, card.scores) == (10.0, 0.4, {})
    assert before.score_scale != 10.0 and card.licence == before.licence
    assert len(card.data) == 2 + len(before.data)
    weights.save(tmp_path / "fit.safetensors", network, card.with_values(score_scale=7.5))
    start = f"network.start={tmp_path / 'fit.safetensors'}"
    _, trained = _train(_recipe(small_store, *more, start), tmp_path / "two")
    assert isinstance(trained, training.Trained)
    assert weights.read_goturn(trained.weights)[1].score_scale == 7.5


def test_a_run_with_dropout_goes_on_bit_for_bit(small_store: Path, tmp_path: Path) -> None:
    more = ("network.start=", LEARNT, "data.unlabelled=0.09", "optim.warmup=2")
    chosen = _recipe(small_store, *more, name="goturn-compact")
    _train(chosen, tmp_path / "whole")
    torch.rand(7)  # the state of torch's own random numbers decides nothing
    _train(chosen, tmp_path / "parts", stop_after=4)
    _train(chosen, tmp_path / "parts")
    whole, parts = (
        torch.load(tmp_path / name / CHECKPOINT, weights_only=True) for name in ("whole", "parts")
    )
    assert whole["step"] == parts["step"] == 6
    for name, value in whole["learner"].items():
        assert torch.equal(value, parts["learner"][name]), name


def test_the_frozen_trunk_stays_and_the_head_learns(small_store: Path, tmp_path: Path) -> None:
    source = GOTURN(GOTURNShape((4, 8, 8, 8, 8), hidden=(2, 2, 2)))
    start = tmp_path / "trunk.safetensors"
    weights.save(start, source, weights.card_for(source.shape, name="trunk"))
    for norm in ("lrn", "batch"):
        more = (f"network.norm={norm}", f"network.start={start}", "network.first=he", "epochs=1")
        states = []
        for steps in (0, 3):
            out = tmp_path / norm / str(steps)
            _train(_recipe(small_store, *more), out, stop_after=steps)
            states.append(torch.load(out / CHECKPOINT, weights_only=True)["learner"])
        for name, value in states[0].items():
            same = torch.equal(value, states[1][name])
            assert same == name.startswith("network.trunk"), name


def test_a_frozen_trunk_that_starts_from_nothing_is_refused(
    small_store: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=r"^network\.frozen keeps .* add network\.start="):
        _train(_recipe(small_store), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_batch_can_be_learnt_by_heart(small_store: Path) -> None:
    more = ("network.start=", "network.dropout=0", "data.unlabelled=0", "optim.lr=3e-3")
    chosen = _recipe(small_store, *more, name="goturn-compact")
    network = goturn.build_network(chosen.network)
    goturn.first_weights(network, chosen)
    learner, optimiser = goturn.Learner(network, chosen), goturn.optimiser(network, chosen)
    batch = _examples(small_store).batch(0)
    losses = []
    for _ in range(40):
        loss, _ = learner(batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_without_the_previous_frame_the_target_crop_decides_nothing(
    small_store: Path, tmp_path: Path
) -> None:
    chosen = _recipe(small_store, "network.first=he", LEARNT, name="goturn-no-previous")
    _, trained = _train(chosen, tmp_path)
    assert isinstance(trained, training.Trained)
    network, _ = weights.read_goturn(trained.weights)
    batch = _examples(small_store).batch(0)
    search = batch.search[:3]
    found = [network(target.expand(3, -1, -1, -1), search) for target in batch.target]
    assert torch.equal(*found) and len(found[0].unique(dim=0)) == 3
    before = goturn.build_network(chosen.network)
    goturn.first_weights(before, chosen)
    half = linears(network)[0].weight.shape[1] // 2
    assert not torch.equal(
        linears(network)[0].weight[:, half:], linears(before)[0].weight[:, half:]
    )


def test_held_out_batches_are_alike_for_all_recipes(small_store: Path) -> None:
    store = stores.open(small_store)
    pool = CropPool(store, torch.device("cpu"))
    rich = ("data.far=0.9", "data.max_gap=4", "data.reversed=0.5", "data.gray=0.5", "seed=5")
    changed = ("motion.law=uniform", "motion.moved=4", "augment.flip=true", "augment.jitter=0.1")
    videos = "data.held_out=[video0,video1,video2]"
    found = []
    for more in ((), (*rich, *changed, "data.video_weight=sqrt", "data.still=0.2")):
        held = goturn_batches.held_out_examples(store, _recipe(small_store, videos, *more), pool)
        assert held is not None
        found.append([held.batch(step) for step in range(3)])
    for one, two in zip(*found, strict=True):
        assert torch.equal(one.corners, two.corners) and torch.equal(one.search, two.search)
    x, y = 2.5 + 10 * 3 / 80, 2.5 + 10 * 2 / 80  # as a tracker sees it; then a moved one
    for corners in found[1][0].corners[::2]:
        np.testing.assert_allclose(corners, [x, y, x + 5, y + 5], atol=1e-4)


def test_pictures_show_both_boxes(small_store: Path) -> None:
    batch = _examples(small_store).batch(0)
    shown = goturn.pictures(batch.corners + 1, batch)
    assert shown.shape == (4, 3, CROP, 2 * CROP) and shown.max() <= 1
    assert torch.equal(shown[0, :, :, :CROP], batch.target[0] / 255)
    x, y = (round(float(value) * 22.7) for value in batch.corners[0, :2])
    np.testing.assert_allclose(shown[0, :, y, CROP + x] * 255, [0, 158, 115], atol=0.01)
