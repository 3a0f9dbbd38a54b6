"""What the pages name is there: links, files, commands, and each item's own files."""

import re
import shlex
import tomllib
from itertools import product
from pathlib import Path

import pytest
import yaml
from kept import kept_files
from mirage.evaluation.measures import MEASURES
from mirage.paper.contents import files_of
from mirage.paper.items import ITEMS
from mirage.places import PLACES
from mirage.study import cells

ROOT = Path(__file__).parents[2]
MADE = {"results", "assets", "answers", "data", "targets", "study"}
"""Folders that runs and people fill; some of the library's rooms have these names, too."""
ELSEWHERE = {"tests/test_BadNets.py", "envs/mirage.post-deploy.sh"}
"""A file of another project, and one that some may make."""
HISTORY = "CHANGELOG.md"
"""Names files as they were."""
ONE_VALUE = {"--profile", "--sdm", "--configfile", "--apptainer-args", "--directory", "--report"}
PAGES = ("report.html", "preview.html", "claims.csv", "claims.json")


@pytest.fixture(scope="module")
def kept():
    """Every path that git keeps."""
    return kept_files()


@pytest.fixture(scope="module")
def texts(kept):
    """Every page by its path."""
    return {path: (ROOT / path).read_text() for path in kept if path.endswith(".md")}


@pytest.fixture(scope="module")
def scales():
    """The scales of the configuration."""
    return yaml.safe_load((ROOT / "config.yaml").read_text())["scales"].values()


@pytest.fixture(scope="module")
def is_known(scales):
    """Tells whether something is a rule, or a file of a kind that rules make."""
    sources = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    found = [re.findall(r"^ *rule (\w+):", path.read_text(), re.MULTILINE) for path in sources]
    rules = {name for names in found for name in names}
    items = {path for name, item in ITEMS.items() for path in files_of(name, item)}
    polls = [scale.get("paper", {}).get("userstudy") or {} for scale in scales]
    studies = {name for poll in polls for name in poll.get("studies", ())}

    def known(asked):
        kind, *rest = asked.split("/")
        if not rest or kind in ("tables", "figures"):
            return asked in rules or asked in PAGES or asked in items
        if kind == "study":
            return rest[0].split(".")[0] in studies
        if kind in ("targets", "attacks", "measures"):
            return _is_cell(kind, rest, scales)
        return any(place.pattern.startswith(f"{kind}/") for place in PLACES)

    return known


def _is_cell(kind, parts, scales):
    """Whether a file lies in the folder of a cell of a data set and network that a scale has."""
    if kind == "measures" and parts[5] not in MEASURES:
        return False
    if kind == "attacks":
        target = cells.parse("/".join([kind, *parts[:6]])).target
    else:
        target = cells.parse("/".join(["targets", *parts[:5]]))
    return any(
        target.dataset in scale.get("datasets", {})
        and target.architecture in scale.get("architectures", {})
        for scale in scales
    )


def _prose(text):
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def _words(text):
    """What stands between backticks on one line of prose."""
    return re.findall(r"`([^`\n]+)`", _prose(text))


def _lines(text):
    """Commands of a page: in blocks of shell, in indented ones, and between backticks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^ {4}(\w.*(?:(?<=\\)\n.*)*)$", _prose(text), re.MULTILINE)
    whole = "\n".join(blocks + indented).replace("\\\n", " ")
    return [line.strip() for line in (*whole.splitlines(), *_words(text))]


def _snakemake(text):
    """Its Snakemake commands that are whole."""
    return [line for line in _lines(text) if re.match(r"snakemake\s", line) and "…" not in line]


def _asked(command):
    """What a Snakemake command asks for: rules and files."""
    words = iter(shlex.split(command, comments=True)[1:])
    asked = []
    for word in words:
        if word in ONE_VALUE:
            next(words, None)
        elif not word.startswith("-") and "=" not in word:
            asked.append(word)
    return asked


def _spelled_out(word):
    """Paths that braces stand for."""
    parts = [part.split(",") for part in re.split(r"\{([^{}]*)\}", word)[1::2]]
    bare = re.sub(r"\{[^{}]*\}", "{}", word)
    return [bare.format(*map(str.strip, chosen)) for chosen in product(*parts)]


def _slug(heading):
    """The anchor that a heading has on the web."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _told(found):
    """Pages with something wrong, and what."""
    return {page: wrong for page, wrong in found.items() if wrong}


def test_every_link_leads_somewhere(texts):
    def dead(page, target):
        path, _, anchor = target.partition("#")
        there = ROOT / page if not path else (ROOT / page).parent / path
        if not there.exists():
            return True
        heads = re.findall(r"^#+ (.*)$", _prose(there.read_text()), re.M) if anchor else [""]
        return anchor not in map(_slug, heads)

    links = {page: re.findall(r"\]\(([^)\s]+)\)", _prose(text)) for page, text in texts.items()}
    inside = {p: [one for one in all_ if not re.match("[a-z]+:", one)] for p, all_ in links.items()}
    assert len(inside["README.md"]) > 10
    assert _told({p: [one for one in all_ if dead(p, one)] for p, all_ in inside.items()}) == {}


def test_every_file_of_the_repository_that_a_page_names_is_there(kept, texts):
    top = {path.split("/")[0] for path in kept} - MADE

    def lost(page, word):
        bare = word.split("::")[0].rstrip("/")
        named = bare.split("/")[0] in top and ("/" in bare or "." in bare)
        beside = bare.endswith(".md") and "/" not in bare
        if bare in ELSEWHERE or not (re.fullmatch(r"[\w./{},*-]+", bare) and (named or beside)):
            return False
        folders = (ROOT, (ROOT / page).parent)
        return not all(
            any(any(folder.glob(path)) for folder in folders) for path in _spelled_out(bare)
        )

    found = {page: [word for word in _words(text) if lost(page, word)]
             for page, text in texts.items() if page != HISTORY}  # fmt: skip
    assert _told(found) == {}


def test_every_snakemake_command_asks_for_something_that_is_made(texts, is_known):
    asked = {page: [one for line in _snakemake(text) for one in _asked(line)]
             for page, text in texts.items()}  # fmt: skip
    assert {"preview", "forecast", "verify", "tables/table2.csv", "study/ORL.html"} <= {
        one for all_ in asked.values() for one in all_
    }
    assert _told({p: [one for one in all_ if not is_known(one)] for p, all_ in asked.items()}) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        "previews", "tables/table14.csv", "figures/figure1.csv", "study/Nobody.html",
        "measures/orl/resnet-mini/ls0/n3/s1/angles/metrics.json",
        "targets/orl/resnet-maxi/ls0/n3/s1/metrics.json",
    ],
)  # fmt: skip
def test_what_no_rule_makes_is_told(is_known, wrong):
    assert not is_known(wrong)


def test_values_of_options_are_not_asked_for():
    command = "snakemake --profile slurm --config a=b c=d --forcerun train_target -- x/y.json  # z"
    assert _asked(command) == ["train_target", "x/y.json"]


def test_every_make_command_has_a_target(texts):
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = {
        page: {found[1] for line in _lines(text) if (found := re.match(r"make ([\w-]+)", line))}
        for page, text in texts.items()
    }
    assert {"demo", "test"} <= asked["README.md"]
    assert _told({page: wanted - targets for page, wanted in asked.items()}) == {}


def test_the_table_of_items_names_every_file_of_every_item(texts):
    rows = re.findall(r"^\|.*\|$", texts["docs/cells.md"], re.MULTILINE)
    told = {path for row in rows for word in _words(row) for path in _spelled_out(word)}
    told = {path for path in told if path.startswith(("tables/", "figures/"))}
    assert told == {path for name, item in ITEMS.items() for path in files_of(name, item)}


def test_the_citation_is_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
