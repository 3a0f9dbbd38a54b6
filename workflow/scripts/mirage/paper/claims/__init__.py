"""The paper's claims by group: each group is a module with its ``GROUP``."""

from mirage.paper.claim import Group
from mirage.registry import Registry

GROUPS: Registry[Group] = Registry(__name__, "GROUP")
