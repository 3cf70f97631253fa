"""Writing files whole or not at all, and what is said where that fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pursuit.errors import OutputError, RecipeError
from pursuit.files import cannot_write, check_writable, named_file


@pytest.mark.parametrize(
    ("number", "end"),
    [
        (errno.ENOSPC, "; free some space or choose another place"),
        (errno.EFBIG, "; free some space or choose another place"),
        (errno.EACCES, "Permission denied; choose another place"),
        (errno.ENOTDIR, "Not a directory; choose another place"),
    ],
)
def test_space_is_freed_only_where_it_lacks(number: int, end: str) -> None:
    message = str(cannot_write("a.csv", OSError(number, os.strerror(number))))
    assert message.startswith("cannot write a.csv: ")
    assert message.endswith(end)


def test_a_place_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1", encoding="utf-8")
    check_writable(tmp_path / "a.csv")
    check_writable(tmp_path / "new" / "er" / "b.csv")
    assert [item.read_text(encoding="utf-8") for item in tmp_path.iterdir()] == ["1"]
    for place in (tmp_path, tmp_path / "a.csv" / "b.csv", tmp_path / (300 * "c")):
        with pytest.raises(OutputError, match="choose another place"):
            check_writable(place)


def test_a_name_goes_before_a_path_and_what_is_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inside = {"slim": Path("inside/slim.yaml"), "wide": Path("inside/wide.yaml")}

    def found(name: str) -> Path:
        return named_file(name, inside, kind="recipes", missing="no recipe", error=RecipeError)

    for name in ("slim", "mine"):
        Path(name).touch()
    assert found("slim") == inside["slim"]
    assert found("mine") == Path("mine")
    assert found("./slim") == Path("slim")
    for name, says in (
        ("slin", "no recipe slin (did you mean slim?)"),
        ("0", "no recipe 0; shipped recipes: slim, wide"),
        (".", "no recipe .; shipped recipes: slim, wide"),
        (300 * "c", f"no recipe {300 * 'c'}; shipped recipes: slim, wide"),
    ):
        with pytest.raises(RecipeError) as raised:
            found(name)
        assert str(raised.value) == says
