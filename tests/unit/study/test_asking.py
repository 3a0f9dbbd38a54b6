"""What a rule asks the study is a function of its job's wildcards."""

from pathlib import Path

import pytest
from mirage.errors import MirageError
from snakemake.common import get_function_params
from snakemake.io import expand, is_callable, unpack
from snakemake.rules import Wildcards

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def asking(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "workflow/cluster"))
    import asking

    return asking


def test_calls_attributes_and_entries_wait_for_the_wildcards(asking):
    sizes = asking.asked({"orl": {"px": "32"}})
    wanted = asking.asked(int)(sizes[asking.wildcards.dataset]["px"]).real
    assert wanted(Wildcards(fromdict={"dataset": "orl"})) == 32
    assert asking.asked(dict.get)(sizes, "absent", 7)(Wildcards(fromdict={})) == 7


def test_each_job_has_an_answer_of_its_own(asking):
    upper = asking.wildcards.dataset.upper()
    answers = [upper(Wildcards(fromdict={"dataset": name})) for name in ("orl", "celeba")]
    assert answers == ["ORL", "CELEBA"]


def test_a_question_is_answered_once_for_the_same_wildcards(asking):
    asked = []
    name = asking.asked(lambda name: asked.append(name) or name)(asking.wildcards.dataset)
    for question in (name, name.upper(), asking.asked(str.title)(name)):
        for dataset in ("orl", "celeba"):
            question(Wildcards(fromdict={"dataset": dataset}))
    assert asked == ["orl", "celeba"]


def test_snakemake_takes_it_for_a_function_of_wildcards_alone(asking):
    names = asking.asked(str.split)(asking.wildcards.names)
    given = Wildcards(fromdict={"names": "a b"})
    assert not get_function_params(names)
    assert is_callable(unpack(names))
    assert expand("{name}.csv", name=names)(given) == ["a.csv", "b.csv"]


def test_a_refusal_comes_through(asking):
    @asking.asked
    def refuse(name):
        raise MirageError(f"no {name}")

    with pytest.raises(MirageError, match="no orl"):
        refuse(asking.wildcards.dataset)(Wildcards(fromdict={"dataset": "orl"}))
