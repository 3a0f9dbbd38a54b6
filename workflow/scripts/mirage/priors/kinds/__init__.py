"""Kinds of priors: each builds the networks that the headers of its files describe."""

from typing import TYPE_CHECKING, Any, NamedTuple

from mirage.recipes import Recipe
from mirage.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


class Network(NamedTuple):
    """One network of a prior.

    Attributes:
        config: its shape, as a header states it.
        build: makes it from that.
    """

    config: type[Recipe]
    build: "Callable[..., nn.Module]"


RENDERINGS: "Registry[Callable[..., Any]]" = Registry(__name__, "RENDERING")
"""Kind -> (generator, centre crop, precision) -> a ``rendering.Rendering`` of it."""

KINDS: "Registry[dict[str, Network]]" = Registry(__name__, "NETWORKS")
"""Kind -> role -> network. A header's ``network`` is ``kind.role``: ``stylegan2.generator``."""
