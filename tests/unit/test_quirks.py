"""docs/quirks.md and its citations: nothing cited is missing, nothing named is forgotten."""

import re
from pathlib import Path

import pytest
from kept import kept_files

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/quirks.md"
TEXTS = {".py", ".smk", ".yaml", ".yml", ".md", ".toml", ".rst", ".sh", ".html", ".j2", ".json"}
NAME = r"[a-z0-9]+(?:-[a-z0-9]+)+"
GAP = r"[\s#]+"  # a citation may go on in the next line of a comment
CITED = re.compile(rf"\bquirks?{GAP}({NAME}(?:(?:,{GAP}|{GAP}and{GAP}){NAME})*)")
NUMBERED = re.compile(rf"\bquirks?{GAP}\d")
OUTSIDE = re.compile(
    rf"\bshared/(?:facts|reference|design|anchors)|\bfacts{GAP}of{GAP}(?:the{GAP})?(?:PPA|StyleGAN2)\b"
    rf"|\bin{GAP}the{GAP}facts\b|\bfacts,{GAP}(?:section|quirk|low)\b",
    re.IGNORECASE,
)


def _texts():
    """Every text that git keeps, by its path, but this test."""
    paths = [path for path in kept_files() if Path(path).suffix in TEXTS or path == "Snakefile"]
    here = str(Path(__file__).relative_to(ROOT))
    return {path: (ROOT / path).read_text() for path in paths if path != here}


def _entries():
    """Entries of the page by name."""
    parts = re.split(r"^### (.+)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _cited(text):
    return {name for found in CITED.findall(text) for name in re.findall(NAME, found)}


def test_the_page_says_of_each_quirk_what_the_three_do():
    entries = _entries()
    assert len(entries) == len(re.findall(r"^### ", PAGE.read_text(), flags=re.MULTILINE)) > 20
    for name, entry in entries.items():
        assert re.fullmatch(NAME, name), name
        labels = re.findall(r"^- \*\*(.+):\*\*", entry, flags=re.MULTILINE)
        assert labels == ["Official code", "Paper", "Here"], name


def test_every_citation_is_in_the_page():
    known = _entries().keys()
    strangers = {path: _cited(text) - known for path, text in _texts().items()}
    assert {path: names for path, names in strangers.items() if names} == {}


def test_every_quirk_is_cited_or_not_reproduced():
    code = [t for p, t in _texts().items() if p.startswith("workflow/") or p == "config.yaml"]
    cited = set().union(*map(_cited, code))
    left = {name for name, entry in _entries().items() if "not reproduced here" in entry}
    assert _entries().keys() - cited == left


@pytest.mark.parametrize("pattern", [NUMBERED, OUTSIDE], ids=["by number", "outside"])
def test_no_source_lies_outside_the_repository(pattern):
    found = {path: pattern.findall(text) for path, text in _texts().items()}
    assert {path: places for path, places in found.items() if places} == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("(quirk a-b)", {"a-b"}),
        ("quirks a-b, c-d and e-f.", {"a-b", "c-d", "e-f"}),
        ("# quirk\n    # a-b", {"a-b"}),
        ("quirks included", set()),
        ("a quirk that is well-known", set()),
    ],
)
def test_citations_are_found(text, names):
    assert _cited(text) == names


@pytest.mark.parametrize(
    "text", ["(facts, section 1)", "as stated in the facts", "facts of the\nPPA code", "quirk 5"]
)
def test_sources_outside_are_found(text):
    assert OUTSIDE.search(text) or NUMBERED.search(text)
