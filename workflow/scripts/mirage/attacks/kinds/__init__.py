"""Kinds of attacks: a folder each, whose package declares the stages and holds their modules."""

from mirage.attacks.declaration import Kind
from mirage.registry import Registry

KINDS: Registry[Kind] = Registry(__name__, "KIND")
