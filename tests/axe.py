"""axe-core, which holds a page against WCAG: installed for a test, since we ship no code of others.

axe-core 4.12.1 (https://github.com/dequelabs/axe-core, MPL-2.0), as it lies in the wheel of
axe-playwright-python 0.1.8.
"""

import json
import subprocess
import sys

import pytest

WHEEL = "axe-playwright-python==0.1.8"
SHA256 = "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")

_READ = """({passes, violations, incomplete}) => {
  const signs = ["nonBmp", "shortTextContent"];
  const untold = incomplete.filter((rule) => rule.id === "color-contrast").map((rule) => (
    {...rule, nodes: rule.nodes.filter((node) => !signs.includes(node.any[0].data.messageKey))}));
  const told = ({id, nodes}) => nodes.map((node) => `${id}: ${node.html}: ${node.failureSummary}`);
  return {passed: passes.map((rule) => rule.id), against: [...violations, ...untold].flatMap(told)};
}"""


def installed(folder):
    """The code of axe-core; the test is skipped where the wheel cannot be had."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{WHEEL} --hash=sha256:{SHA256}\n")
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--retries=1"]
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--target", folder / "wheel"]
    done = subprocess.run(
        [*pip, *options, "-r", wanted], capture_output=True, text=True, check=False
    )
    assert "DO NOT MATCH THE HASHES" not in done.stderr, done.stderr
    if done.returncode:
        told = (done.stderr.strip() or "pip says nothing").splitlines()[-1]
        pytest.skip(f"{WHEEL} cannot be had: {told}")
    return (folder / "wheel/axe_playwright_python/axe.min.js").read_text(encoding="utf-8")


def violations(browser, code):
    """What of the open page is against WCAG 2.1 A and AA or good practice: a line for each element.

    So is text whose contrast axe cannot tell, as where something covers it. A lone sign, such as a
    minus in a cell, is not: axe takes that for a picture.

    Raises:
        AssertionError: axe looked at no text's contrast, so that its silence says nothing.
    """
    browser.run(f"{code};0")
    options = json.dumps({"runOnly": {"type": "tag", "values": RULES}})
    found = browser.run(f"axe.run(document, {options}).then({_READ})")
    assert "color-contrast" in found["passed"], found
    return found["against"]
