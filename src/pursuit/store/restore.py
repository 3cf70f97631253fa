"""Parts of a curation taken back out of the store that they were joined to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pursuit.store.join import Joined
from pursuit.store.parts import PartObject, Row, write_rows
from pursuit.store.reader import Store, StoreObject, open_store


def restore(out: Path, parts: Mapping[str, Joined], folder: Path) -> None:
    """Write the parts that a store was made of into a folder, but for those that stand there.

    Joined again they give what they gave before. What they lack are the places of boxes that could
    not serve, and objects of which none could.

    Args:
        out: the store.
        parts: name of each part -> what the store took of it, in their order.
        folder: of the parts.

    Raises:
        StoreError: a crop is damaged.
        OutputError: the folder cannot be written.
    """
    store = open_store(out)
    first = 0
    for name, part in parts.items():
        objects = store.objects[first : first + part.objects]
        first += part.objects
        if not (folder / name).exists():
            described = [
                PartObject(one.name, one.video, one.kind, one.source, one.licence, one.label)
                for one in objects
            ]
            write_rows(described, _rows(store, objects, part.left_out), folder / name)


def _rows(
    store: Store, objects: Sequence[StoreObject], left_out: Mapping[str, int]
) -> Iterator[Row]:
    assert store.place is not None  # format 1 had no parts by these names
    assert store.frame_size is not None
    for number, one in enumerate(objects):
        for row in range(one.first, one.first + one.count):
            width, height = store.frame_size[row].tolist()
            yield Row(
                number,
                int(store.frame[row]),
                store.boxes[row],
                float(store.scale[row]),
                store.inside[row],
                store.border[row],
                store.place[row],
                (width, height),
                bytes(store.jpeg(row)),
            )
    for reason, count in left_out.items():
        for _ in range(count):
            yield Row(0, 0, left_out=reason)
