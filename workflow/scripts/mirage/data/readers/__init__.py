"""Readers: what photographs a data set holds, listed without decoding any.

A reader registers under the name that stands in the configuration. Its order is part of the data
set: the published splits shuffle positions in it, and labels follow its list of identities unless
a selection says otherwise.
"""

from mirage.data.passing import LeftAlone
from mirage.data.readers import celeba, celeba64, facescrub, folders, imagenette, orl
from mirage.data.readers.registry import (
    Listing,
    Photo,
    Sources,
    list_photos,
    reader_names,
)

__all__ = [
    "LeftAlone",
    "Listing",
    "Photo",
    "Sources",
    "celeba",
    "celeba64",
    "facescrub",
    "folders",
    "imagenette",
    "list_photos",
    "orl",
    "reader_names",
]
