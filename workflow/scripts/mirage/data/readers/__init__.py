"""Readers: what photographs a data set holds, listed without decoding any.

A reader is the ``READER`` of a module that has the name in the configuration. Its order is part of
the data set: the published splits shuffle positions in it, and labels follow its list of identities
unless a selection says otherwise.
"""

from mirage.data.listing import Listing, Reader, Sources
from mirage.errors import MirageError
from mirage.recipes import require
from mirage.registry import Registry
from mirage.visible import listed

READERS: Registry[Reader] = Registry(__name__, "READER", joint="-")


def list_photos(name: str, sources: Sources) -> Listing:
    """List a data set's photographs in its reader's stable order.

    Raises:
        MirageError: no such reader, a role missing or unknown, or a source that lacks something.
    """
    require(name in READERS, "reader", name, f"one of {listed(READERS)}")
    entry = READERS[name]
    known = (*entry.roles, *entry.optional)
    for role in entry.roles:
        if role not in sources:
            raise MirageError(f"the reader {name!r} has no source {role!r}", listed(known))
    for role in sources:
        if role not in known:
            raise MirageError(f"the reader {name!r} takes no source {role!r}", listed(known))
    return entry.list(sources)
