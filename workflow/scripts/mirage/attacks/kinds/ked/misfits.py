"""Settings of KED-MI that are possible alone and do not fit one another."""

from collections.abc import Iterator

from mirage.attacks.declaration import Settings


def misfits(settings: Settings, pool: Settings, prior: Settings) -> Iterator[str]:
    """Yield nothing: every possible setting fits every other."""
    yield from ()
