from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pursuit.errors import RecipeError
from pursuit.learning import recipe


def test_paper_recipe_is_the_paper() -> None:
    paper = recipe.read("siamfc-paper")
    assert (paper.epochs, paper.pairs, paper.batch, paper.search) == (50, 50_000, 8, 255)
    assert paper.network.channels == (96, 256, 384, 384, 256)
    assert (paper.loss.radius, paper.data.max_gap) == (16, 100)
    assert (paper.optim.momentum, paper.optim.weight_decay) == (0.9, 5e-4)


def test_learning_rate_is_geometric_with_both_ends_exact() -> None:
    paper = recipe.read("siamfc-paper")
    steps = paper.steps_per_epoch
    rates = [paper.learning_rate(epoch * steps) for epoch in range(50)]
    assert steps == 6250
    assert rates[0] == 1e-2 and rates[-1] == 1e-5
    # The authors' logspace(-2, -5, 50): a factor of 0.868511 an epoch.
    assert rates[1] / rates[0] == pytest.approx(0.868511, abs=1e-6)
    assert rates[48] == pytest.approx(1.151e-5, rel=1e-3)
    assert paper.learning_rate(steps - 1) == rates[0]


def test_warmup_grows_to_the_rate() -> None:
    warm = recipe.read("siamfc-paper", ["optim.warmup=9"])
    assert warm.learning_rate(0) == pytest.approx(1e-3)
    assert warm.learning_rate(9) == 1e-2


@pytest.mark.parametrize("name", sorted(recipe.shipped()))
def test_every_shipped_recipe_reads_and_says_what_it_is(name: str) -> None:
    assert recipe.read(name).about


def test_overrides_reach_their_fields() -> None:
    chosen = recipe.read("siamfc-paper", ["data=a/b", "optim.lr=2e-2", "batch=16"])
    assert (chosen.data.store, chosen.optim.lr, chosen.batch) == ("a/b", 0.02, 16)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("optim.lrr=1", "unknown key optim.lrr (did you mean lr?)"),
        ("epoch=3", "unknown key epoch (did you mean epochs?)"),
        ("batch=one", "batch: "),
        ("batch=1", "batch: "),
        ("optim.lr", "KEY=VALUE"),
        ("batch.size=3", "batch is a value"),
        ("search=200", "search: "),
        ("data.held_out=a", "data.held_out: a list is wanted, as 'data.held_out=[A,B]'; got 'a'"),
        ("optim.lr=.inf", "optim.lr: Input should be a finite number"),
        ("optim.lr=.nan", "optim.lr: "),
    ],
)
def test_a_wrong_override_is_named(override: str, says: str) -> None:
    with pytest.raises(RecipeError, match=r".") as raised:
        recipe.read("siamfc-paper", [override])
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_unknown_recipe_names_its_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean siamfc-paper"):
        recipe.read("siamfc-papr")


def test_a_file_that_is_not_a_recipe_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("[1, 2", encoding="utf-8")
    with pytest.raises(RecipeError, match="cannot read recipe"):
        recipe.read(str(path))
    for nothing in ("", "# nothing yet\n", "{}", "---\n"):
        path.write_text(nothing, encoding="utf-8")
        with pytest.raises(RecipeError, match=r"recipe .*r\.yaml is empty: .*base: siamfc-slim"):
            recipe.read(str(path))
    path.write_text("- 1", encoding="utf-8")
    with pytest.raises(RecipeError, match="must be a table"):
        recipe.read(str(path))


def test_the_fingerprint_tells_runs_apart() -> None:
    one = recipe.read("siamfc-paper", ["data=a"])
    assert one.fingerprint == recipe.read("siamfc-paper", ["data=b"]).fingerprint
    assert one.fingerprint != recipe.read("siamfc-paper", ["optim.lr=0.02"]).fingerprint


# Of the recipes as they stood before there were bases; runs that began then can resume.
@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("siamfc-3s", "29dd15704a52f209"),
        ("siamfc-paper", "affbe1bc927dd536"),
        ("siamfc-slim", "6ac64435738dbdb2"),
    ],
)
def test_shipped_recipes_decide_what_they_did(name: str, fingerprint: str) -> None:
    assert recipe.read(name).fingerprint == fingerprint


def test_a_recipe_changes_its_base_value_by_value(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        "base: siamfc-slim\nepochs: 3\ndata: {held_out: [a], max_gap: 7}\n", encoding="utf-8"
    )
    (tmp_path / "two.yaml").write_text(
        "base: one.yaml\ndata: {max_gap: 9}\noptim: {lr: 0.5}\n", encoding="utf-8"
    )
    slim = recipe.read("siamfc-slim")
    found = recipe.read(str(tmp_path / "two.yaml"), ["optim.clip=4"])
    data = slim.data.model_copy(update={"held_out": ("a",), "max_gap": 9})
    optim = slim.optim.model_copy(update={"lr": 0.5, "clip": 4.0})
    assert found == slim.model_copy(update={"epochs": 3, "data": data, "optim": optim})


def test_a_base_that_is_not_there_or_goes_in_a_circle_is_named(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("base: siamfc-slin", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"one\.yaml: there is no base siamfc-slin.*siamfc-slim"):
        recipe.read(str(one))
    one.write_text("base: [siamfc-slim]", encoding="utf-8")
    with pytest.raises(RecipeError, match="there is no base"):
        recipe.read(str(one))
    one.write_text("base: two.yaml", encoding="utf-8")
    two.write_text("base: one.yaml", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"in a circle: one\.yaml -> two\.yaml -> one\.yaml"):
        recipe.read(str(one))


def test_the_share_of_videos_tells_runs_apart() -> None:
    part = recipe.read("siamfc-slim", ["data.share=0.5"])
    assert part.fingerprint != recipe.read("siamfc-slim").fingerprint
    with pytest.raises(RecipeError, match=r"data\.share"):
        recipe.read("siamfc-slim", ["data.share=0"])


def test_the_share_of_held_out_stills_tells_runs_apart() -> None:
    none, some = (recipe.read("siamfc-slim", [f"data.held_out_stills={n}"]) for n in (0, 0.05))
    assert none.fingerprint == recipe.read("siamfc-slim").fingerprint != some.fingerprint


def test_goturns_paper_recipe_is_the_paper() -> None:
    paper = recipe.read("goturn-paper")
    assert isinstance(paper, recipe.GOTURNRecipe)
    assert (paper.steps, paper.batch, paper.motion.moved) == (450_000, 50, 10)
    assert paper.network.channels == (96, 256, 384, 384, 256)
    assert (paper.network.hidden, paper.network.frozen) == ((4096,) * 3, True)
    assert (paper.motion.shift, paper.motion.limit, paper.data.still) == (1 / 5, 0.4, 0.5)
    assert paper.motion.scale == pytest.approx(1 / 15, rel=1e-12)
    assert (paper.optim.momentum, paper.optim.weight_decay, paper.optim.kind) == (0.9, 5e-4, "sgd")


def test_goturns_rate_falls_tenfold_every_100_000_steps() -> None:
    paper = recipe.read("goturn-paper")
    rates = [paper.learning_rate(step) for step in (0, 99_999, 100_000, 399_999, 449_999)]
    assert rates == pytest.approx([1e-5, 1e-5, 1e-6, 1e-8, 1e-9], rel=1e-9)
    geometric = recipe.read("goturn-paper", ["optim.schedule=geometric", "optim.lr_last=1e-7"])
    assert geometric.learning_rate(449_999) == 1e-7
    assert geometric.learning_rate(220_000) == pytest.approx(1e-6, rel=1e-6)  # epoch 22 of 0..44
    cosine = recipe.read("goturn-paper", ["optim.schedule=cosine", "optim.warmup=9"])
    assert cosine.learning_rate(0) == pytest.approx(1e-6)
    assert cosine.learning_rate(225_000) == pytest.approx(5e-6)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("goturn-l2", "loss", {"kind": "l2"}),
        ("goturn-uniform", "motion", {"law": "uniform"}),
        ("goturn-images", "data", {"still": 1.0}),
        ("goturn-videos", "data", {"still": 0.0}),
        ("goturn-no-previous", "data", {"previous": False}),
    ],
)
def test_each_switch_of_goturn_is_one_field(
    name: str, field: str, value: dict[str, object]
) -> None:
    paper, found = recipe.read("goturn-paper"), recipe.read(name)
    section = getattr(paper, field).model_copy(update=value)
    assert found == paper.model_copy(update={"about": found.about, field: section})
    assert found.fingerprint != paper.fingerprint


def test_the_compact_network_holds_out_what_siamfc_slim_does() -> None:
    assert recipe.read("goturn-compact").data.held_out == recipe.read("siamfc-slim").data.held_out


def test_the_method_decides_which_keys_there_are() -> None:
    with pytest.raises(RecipeError, match="unknown key motion"):
        recipe.read("siamfc-slim", ["motion.shift=1"])
    with pytest.raises(RecipeError, match=r"unknown key motion\.shft \(did you mean shift\?\)"):
        recipe.read("goturn-paper", ["motion.shft=1"])
    with pytest.raises(RecipeError, match="method: must be siamfc or goturn; got 'gotrun'"):
        recipe.read("goturn-paper", ["method=gotrun"])
    with pytest.raises(RecipeError, match=r": optim: reset_momentum is for kind sgd$"):
        recipe.read("goturn-compact", ["optim.reset_momentum=true"])


@pytest.mark.parametrize("name", ["siamfc-slim", "goturn-compact"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "network.groups=[1,3,1,2,2]",
            "network: conv2 has 32 channels in and 88 out, which its 3 groups cannot share evenly",
        ),
        ("network.channels=[32,88,128,128,0]", "network.channels.4: .* 1; got 0"),
        ("network.channels=[32,88,128,128,70000]", "network.channels.4: .* 65536; got 70000"),
    ],
)
def test_networks_that_cannot_be_are_said_in_a_line(name: str, change: str, said: str) -> None:
    with pytest.raises(RecipeError, match=rf": {said}$"):
        recipe.read(name, [change])


def test_hidden_layers_are_no_wider_than_a_card_can_say() -> None:
    with pytest.raises(RecipeError, match=r": network\.hidden\.1: .* 65536; got 65537$"):
        recipe.read("goturn-compact", ["network.hidden=[512,65537,512]"])


def test_a_recipe_is_whole_in_its_text() -> None:
    for name in ("goturn-compact", "siamfc-slim"):
        chosen = recipe.read(name)
        written = yaml.safe_dump(chosen.model_dump(mode="json"), sort_keys=False)
        assert recipe.parse(written, "here") == chosen
        assert ("method" in written) == (name == "goturn-compact")


def test_nothing_overrides_with_the_empty_text() -> None:
    assert recipe.read("goturn-compact", ["network.start="]).network.start == ""
