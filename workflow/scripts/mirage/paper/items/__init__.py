"""The paper's items by name: each table and each figure is a module with its ``ITEM``.

Only that module names the item; rules, report and forecast take what ``ITEMS`` holds.
"""

from mirage.paper.item import Item
from mirage.registry import Registry

ITEMS: Registry[Item] = Registry(__name__, "ITEM")
