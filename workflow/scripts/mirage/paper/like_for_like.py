"""Whether a number of ours may be held against one that the paper prints.

A number is a matter of its terms: how many images test it, how many people are attacked, how
photographs are cut, whose arithmetic it is, what its ± is a spread over, how many training images
and results there are per person, and which network measures it. Where one differs, the difference
of the two numbers says nothing, and is shown with the reason and without a colour.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mirage.evaluation.fidelity import PAPER
from mirage.paper.ledger import ITEM, Ledger, Read
from mirage.paper.presentation import Presentation
from mirage.study.cells import Attack, Target, parse
from mirage.study.stages import Stages
from mirage.study.study import Study


@dataclass(frozen=True)
class Terms:
    """Under which a number was measured; empty where that is unknown or plays no part.

    Attributes:
        split: number of test images.
        people: number of attacked people.
        crop: how photographs are cut and resized.
        fidelity: whose arithmetic it is.
        plus_minus: what a ± is a spread over.
        samples: training images per person.
        results: results of the attack per person.
        measured_by: the network that measures.
    """

    split: str = ""
    people: str = ""
    crop: str = ""
    fidelity: str = ""
    plus_minus: str = ""
    samples: str = ""
    results: str = ""
    measured_by: str = ""


_WORDS = {
    "split": "test images", "people": "people attacked", "crop": "crop", "fidelity": "arithmetic",
    "plus_minus": "what ± is over", "samples": "training images per person",
    "results": "results per person", "measured_by": "measured by",
}  # fmt: skip
_UNKNOWN = "not known"

_BY_ROLE = MappingProxyType(
    {
        "acc1": "eval", "acc5": "eval", "acc1_std": "eval", "delta_eval": "eval",
        "delta_face": "face", "fid": "fid", "recovered_acc1": "eval", "recovered_acc5": "eval",
        "delta_knn": "eval", "recovered_fid": "fid",
    }
)  # fmt: skip
"""Metric -> role of the network that measures it."""
_OF_TARGET = ("test_acc", "ece")
_STUDENT = ("xi_train", "xi_test")
_PUBLISHED = MappingProxyType(
    {
        "FaceScrub": {
            "split": "3788", "people": "530", "results": "50", "eval": "evaluator-facescrub",
            "crop": "whole photograph, short_side 224 px",
        },
        "CelebA": {
            "split": "3004", "people": "1000", "results": "50", "eval": "evaluator-celeba",
            "crop": "68 landmarks times 0.65, short_side 224 px",
        },
        "CelebA-64": {
            "split": "3009", "eval": "evaluator-celeba64", "crop": "35 55 108 108, square 64 px",
        },
    }
)  # fmt: skip
"""The paper's terms by data set: counts that its printed digits fit, crops of its code, evaluators
that its authors released. How many people Table 8's attacks look for, its digits contradict."""
_NETWORKS = {"face": "facenet-vggface2", "fid": "fid-inception"}
_PAPERS_STUDENT = "resnet50"
_NAMED_BY = ("dataset", "architecture", "treatment", "variant", "sampled_by", "selected_by")
_SPREADS = {
    "acc1_std": "ranks of results",
    "recovered_acc1_std": "images of a class",
    "recovered_acc5_std": "images of a class",
}


def differences(ours: Terms, papers: Terms) -> list[str]:
    """In what two numbers are unlike, in words; what the paper's leaves open is not compared."""
    found = []
    for field in fields(Terms):
        own, printed = getattr(ours, field.name), getattr(papers, field.name)
        if printed and own != printed:
            found.append(f"{_WORDS[field.name]}: {own or _UNKNOWN}, the paper's {printed}")
    return found


def papers_terms(row: Mapping[str, Any], metric: str) -> Terms:
    """Terms of a printed number.

    Args:
        row: of the paper, with its ``dataset``, ``samples`` and ``people``.
        metric: column of the number.
    """
    known = _PUBLISHED.get(str(row["dataset"]), {})
    shared = {
        "fidelity": PAPER, "crop": known.get("crop", ""), "samples": str(row.get("samples", "")),
        "plus_minus": _SPREADS.get(metric, ""),
    }  # fmt: skip
    if metric in _OF_TARGET:
        return Terms(split=known.get("split", ""), **shared)
    role = _BY_ROLE.get(metric, "")
    network = {**_NETWORKS, "eval": known.get("eval", "")}.get(role, "")
    return Terms(
        people=str(row.get("people") or known.get("people", "")),
        results=known.get("results", ""),
        measured_by=_PAPERS_STUDENT if metric in _STUDENT else network,
        **shared,
    )


@dataclass
class Gate:
    """Says of numbers of a study whether they may be held against the paper's.

    Attributes:
        study: whose numbers.
        shown: how they are presented.
        printed: the paper's rows, item by item.
        results: folder of the results, where prepared data are counted.
    """

    study: Study
    shown: Presentation
    printed: Mapping[str, Ledger]
    results: Path = Path()

    def reasons(self, read: Read) -> list[str]:
        """Why a number is not like the paper's; nothing where it is."""
        row, cell = read.row, str(read.row.get("cell", ""))
        papers = self._printed(row)
        if not cell or papers is None:
            return ["the paper prints no such row"]
        return differences(self.terms(cell, read.metric), papers_terms(papers, read.metric))

    def terms(self, path: str, metric: str) -> Terms:
        """Terms of a number of ours.

        Args:
            path: folder of its cell.
            metric: its column; ``<metric>_seed_sd`` is a spread over seeds.
        """
        cell = parse(path)
        target = cell.target if isinstance(cell, Attack) else cell
        shared = {
            "fidelity": self.shown.fidelity,
            "crop": self._crop(target),
            "samples": "all" if target.samples is None else str(target.samples),
            "plus_minus": "seeds" if metric.endswith("_seed_sd") else _SPREADS.get(metric, ""),
        }
        if metric in _OF_TARGET or not isinstance(cell, Attack):
            return Terms(split=self._split(target.dataset), **shared)
        stages = Stages(self.study, cell)
        return Terms(
            people=str(len(stages.classes)),
            results=str(stages.kind.images_per_class(stages.settings)),
            measured_by=self._network(target.dataset, metric),
            **shared,
        )

    def _printed(self, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The paper's row beside one of ours; that with as many training images if it has it."""
        rows = self.printed.get(str(row.get(ITEM)))
        if rows is None:
            return None
        named = {name: row[name] for name in _NAMED_BY if name in row and name in rows.rows}
        key = (str(row[ITEM]), str(row.get("samples")), *named.values())
        if key not in self._found:
            like = rows.where(**named)
            same = like.where(samples=row["samples"]) if "samples" in rows.rows else like
            found = like.rows if same.rows.empty else same.rows
            self._found[key] = None if found.empty else dict(found.iloc[0])
        return self._found[key]

    def _crop(self, target: Target) -> str:
        recipe = self.study.dataset(target.dataset)["recipe"]
        view = self.study.view(target.dataset, self.study.architecture(target.architecture)["view"])
        face, box = recipe.get("face_crop"), view.get("crop")
        cut = "whole photograph"
        if face:
            cut = f"{face['points']} landmarks times {face['face_factor']:g}"
        elif box:
            cut = " ".join(map(str, box))
        return f"{cut}, {view['resize']} {view['image_px']} px"

    def _network(self, dataset: str, metric: str) -> str:
        if metric in _STUDENT:
            return str(self.study.measure("knowledge", dataset)["architecture"])
        role = _BY_ROLE.get(metric, "")
        if role not in self.study.roles(dataset):
            return ""
        return str(self.study.network(dataset, role).get("asset", "a network trained here"))

    def _split(self, dataset: str) -> str:
        if dataset not in self._splits:
            from mirage.data.index import read_index

            path = self.results / "data" / dataset / "index.csv"
            tested = sum(one.split == "test" for one in read_index(path)) if path.is_file() else 0
            self._splits[dataset] = str(tested or "")
        return self._splits[dataset]

    @cached_property
    def _found(self) -> dict[tuple[str, ...], Mapping[str, Any] | None]:
        """What names a row of ours -> the paper's, as far as they were looked for."""
        return {}

    @cached_property
    def _splits(self) -> dict[str, str]:
        """Data set -> number of its test images, as far as they were counted."""
        return {}
