"""Options that make uv look for packages where pip looks: pip config list | python like_pip.py.

uv reads none of pip's settings, which may name an index of one's own. Printed are options, one on
a line. What has no counterpart here (certificates, proxies, time limits) is left to the fallback.
"""

import ast
import sys

_SECTIONS = ("global", "install", ":env:")  # each goes before the one on its left
_OPTIONS = {
    "index-url": "--index-url",
    "extra-index-url": "--extra-index-url",
    "find-links": "--find-links",
    "trusted-host": "--allow-insecure-host",
}
_SWITCHES = {"no-index": "--no-index"}
_NO = {"", "0", "false", "no", "off"}


def options(lines: list[str]) -> list[str]:
    """Translate lines such as ``global.index-url='https://...'``."""
    said: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in lines:
        key, _, value = line.strip().partition("=")
        section, _, name = key.rpartition(".")
        if section in said:
            said[section][name] = ast.literal_eval(value)
    settings = said["global"] | said["install"] | said[":env:"]
    found = [
        f"{option}={value}"
        for name, option in _OPTIONS.items()
        for value in settings.get(name, "").split()
    ]
    return found + [
        option for name, option in _SWITCHES.items() if settings.get(name, "").lower() not in _NO
    ]


if __name__ == "__main__":
    print("\n".join(options(sys.stdin.readlines())))
