"""How a store lies on disk.

    STORE/index.arrow          a row an object; written last, so a folder that has it is whole
    STORE/shard-00000.arrow    one record batch with the column `jpeg`, a row a crop
    STORE/shard-00001.arrow    ...

Crops are numbered through all shards; an object's crops follow one another, by frame. The
index holds what is small of each crop as lists (frame, box, scale, inside, border, crc32
of the JPEG, the box's place in the frame, the frame's size), and in its schema's metadata
under `store` a JSON of the settings and of each shard's rows and bytes. All files are Arrow
IPC files and can be read with any Arrow.
"""

from __future__ import annotations

import pyarrow as pa

VERSION = 2  # 1 held neither place nor size of the frame
INDEX = "index.arrow"
METADATA = b"store"

SHARD = pa.schema([pa.field("jpeg", pa.binary())])

INDEX_FIELDS = [
    pa.field("name", pa.string()),
    pa.field("video", pa.string()),
    pa.field("kind", pa.string()),  # video, still, or unlabelled: the middle of a picture
    pa.field("source", pa.string()),
    pa.field("licence", pa.string()),
    pa.field("label", pa.string()),
    pa.field("frame", pa.list_(pa.int32())),
    pa.field("box", pa.list_(pa.list_(pa.float32(), 4))),  # x, y, w, h in pixels of the crop
    pa.field("scale", pa.list_(pa.float32())),  # pixels of the crop for one of the frame
    pa.field("inside", pa.list_(pa.list_(pa.float32(), 4))),  # what the frame fills of the crop
    pa.field("border", pa.list_(pa.list_(pa.uint8(), 3))),  # mean colour of the frame, RGB
    pa.field("crc32", pa.list_(pa.uint32())),
    pa.field("place", pa.list_(pa.list_(pa.float32(), 4))),  # x, y, w, h of the box in the frame
    pa.field("frame_size", pa.list_(pa.list_(pa.int32(), 2))),  # width, height
]
FIELDS_OF = {1: INDEX_FIELDS[:-2], 2: INDEX_FIELDS}  # of the versions that are read


def shard_name(number: int) -> str:
    """Return the file name of a shard."""
    return f"shard-{number:05d}.arrow"
