"""The crop store: made once by `curate`, opened by `open`, ready to learn from."""

from __future__ import annotations

from pursuit.store.curate import Summary, curate
from pursuit.store.reader import Store, StoreObject
from pursuit.store.reader import open_store as open

__all__ = ["Store", "StoreObject", "Summary", "curate", "open"]
