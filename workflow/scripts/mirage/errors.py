"""The two ways a job ends early on purpose."""

from mirage.visible import visible


class MirageError(Exception):
    """A problem its reader can mend, told in one plain message.

    The text names the file or setting, what was expected of it and what to do. It is one line,
    whatever a file is named.
    """

    def __init__(self, what: str, expected: str = "", remedy: str = "") -> None:
        """Join what is wrong, what would have been right, and what to do now."""
        parts = [what.rstrip(".")]
        if expected:
            parts.append(f"Expected: {expected.rstrip('.')}")
        if remedy:
            parts.append(f"{remedy[0].upper()}{remedy[1:]}".rstrip("."))
        told = " ".join(part if part.endswith("?") else f"{part}." for part in parts)
        super().__init__(visible(told))


class Interrupted(Exception):  # noqa: N818 - not an error: the job was told to stop and has saved
    """The job was asked to stop (SIGTERM, SIGINT) and its state is saved."""
