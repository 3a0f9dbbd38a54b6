"""A key of this user's own, which tells what was made here from what others made.

Files of a results folder may come from anywhere. Where one of them is code, it is run only if it
bears a mark that nobody makes without this key.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from mirage.runtime.private import private_folder

_BYTES = 32


def mark(content: bytes) -> str:
    """Hexadecimal mark of a content: HMAC-SHA256 under the key, which is made if need be.

    The key lies in the user's cache, so that all machines with that home share it.

    Raises:
        MirageError: there is no place for the key.
        OSError: it cannot be read or written.
    """
    return hmac.new(_key(private_folder(()) / "key"), content, hashlib.sha256).hexdigest()


def _key(path: Path) -> bytes:
    made = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        made.touch(mode=0o600)
        made.write_bytes(secrets.token_bytes(_BYTES))
        try:
            os.link(made, path)  # whole or absent, and the first of several stays
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_bytes()
