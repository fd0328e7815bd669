"""Captures on disk: an index that can be asked, and each body once.

One writer (the hub) and any number of readers, in other processes and after the mesh has ended::

    exchanges ─ rows ─ writer (a door) ═ one SQLite file ═ reader (a door) ─ exchanges

``exchanges`` of the schema is narrow, so that even a look at every row of it is quick; headers and
the rest lie in ``details`` and are only fetched for what matches. What an expression surely implies
is asked in SQL (``where``); the expression itself has the last word.
"""

from tap.store.limits import Limits
from tap.store.reader import Reader
from tap.store.schema import StoreError
from tap.store.writer import Kept, Store

__all__ = ["Kept", "Limits", "Reader", "Store", "StoreError"]
