"""Kinds of attacks: a folder each, whose package declares the stages and holds their modules."""

from mirage.attacks.declaration import AttackKind
from mirage.registry import Registry

KINDS: Registry[AttackKind] = Registry(__name__, "KIND")
