"""Table 13: what annotators of the user study preferred."""

from typing import TYPE_CHECKING

from mirage.paper.defenses import label
from mirage.paper.item import Needs, Table, metrics_files
from mirage.paper.numbers import BLOCK
from mirage.paper.reference import reference_rows
from mirage.paper.tables import NAMED_BY, in_order, summarise
from mirage.paper.userstudy.recipe import (
    SETTINGS,
    UserStudyRecipe,
    answers,
    misfits,
    recipe_of,
    userstudies,
)

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

_REFERENCE = "table13"
METRICS = ("test_acc", "acc1", "delta_face", "xi_train", "user_preference")


def needs(study: "Study") -> Needs:
    """The attacks whose results are compared, the keys of the studies, and all saved answers."""
    own = userstudies(study)
    attacks = [attack for one in own for attack in one.attacks.values()]
    keys = [one.key for one in own]
    return Needs(attacks, files=[*metrics_files(attacks, ()), *keys, *answers(study.scale)])


def with_votes(study: "Study", numbers: "pd.DataFrame") -> "pd.DataFrame":
    """Numbers of the cells with what annotators preferred."""
    import pandas as pd

    from mirage.paper.userstudy.account import accounts, rows

    voted = pd.concat(
        [rows(account) for account in accounts(study, reference_rows(_REFERENCE))],
        ignore_index=True,
    )
    measured = numbers.drop(columns="user_preference")
    return measured.merge(voted, how="left", on=["dataset", "treatment"])


def of_votes(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """One row per data set and defense, in the order of the settings."""
    import pandas as pd

    from mirage.paper.userstudy.account import COLUMNS

    found = summarise(numbers, NAMED_BY, METRICS)
    keys = [*BLOCK, "treatment"]
    found = found.merge(numbers[[*keys, *COLUMNS]], on=keys)
    return in_order(found, pd.Series(range(len(found)), index=found.index, dtype=float))


def reading(study: "Study", _: "Presentation") -> list[str]:
    """What the answers show, and what the paper's own counts do."""
    from mirage.paper.userstudy.account import accounts
    from mirage.paper.userstudy.telling import sentences

    folder = recipe_of(study.scale).answers
    return [
        "The paper: annotators find results against negative label smoothing the least similar to "
        "the person most often, in 48 % of tasks on FaceScrub and in 72 % on CelebA.",
        *(
            f"{told}."
            for account in accounts(study, reference_rows(_REFERENCE))
            for told in sentences(account, folder)
        ),
    ]


ITEM = Table(
    name="Table 13",
    title="A user study on three defenses",
    caption=(
        "Annotators see five photographs of a person and the most robust result of the attack on "
        "each of three models, in an order of their own, and choose the one that looks least like "
        "the person. User preference is the share of tasks in which two of three annotators chose "
        "the model's result; tasks of three different votes are left out."
    ),
    position=68,
    settings=SETTINGS,
    recipe=UserStudyRecipe,
    needs=needs,
    misfits=misfits,
    joined=with_votes,
    rows=of_votes,
    metrics=METRICS,
    reading=reading,
    reference=(_REFERENCE,),
    first="Defense",
    label=lambda row, _: label(row),
    digits={"test_acc": 1, "acc1": 1, "delta_face": 2, "xi_train": 1},
    finer={"delta_face": 3},
)
