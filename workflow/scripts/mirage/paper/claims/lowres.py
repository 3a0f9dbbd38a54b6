"""Claims on the low-resolution attacks (C.5, Table 8)."""

from mirage.paper.claim import Claim, Clause, Group, in_each, more, together

_TABLE = "Table 8"
_POSITIVE, _HARD, _NEGATIVE = "ls0.1", "ls0", "ls-0.05"
_MID, _BIDO = "mid0.003", "bido0.05_0.5"
_BY = ("dataset", "architecture", "samples", "variant")
_ACC, _FID = "recovered_acc1", "recovered_fid"


def _unchanged(name: str) -> Clause:
    """Smoothing changes the attack's accuracy by no more than two points."""
    return Clause(
        f"{_ACC}: {name} within 2 of {_HARD}",
        lambda rows: 2.0 - (rows(_ACC, treatment=name) - rows(_ACC, treatment=_HARD)).abs(),
        or_equal=True,
        absolute=True,
    )


GROUP = Group(
    "F",
    "Low-resolution attacks",
    (
        Claim(
            43, "Positive smoothing amplifies most attacks", "C.5, Table 8", (_TABLE,),
            in_each(_TABLE, _BY, more(_ACC, _POSITIVE, _HARD)), least=(6, 7),
        ),
        Claim(
            44, "Negative smoothing mitigates most attacks", "C.5, Table 8", (_TABLE,),
            in_each(_TABLE, _BY, more(_ACC, _HARD, _NEGATIVE)), least=(5, 7),
        ),
        Claim(
            45, "BREP-MI is hardly affected by smoothing", "C.5, Table 8", (_TABLE,),
            together(
                *(in_each(_TABLE, _BY, _unchanged(name), variant="BREP-MI")
                  for name in (_POSITIVE, _NEGATIVE))
            ),
        ),
        Claim(
            46, "PLG-MI keeps its accuracy against negative smoothing, but its images collapse",
            "C.5, Table 8, Figure 11", (_TABLE,),
            in_each(
                _TABLE, _BY, _unchanged(_NEGATIVE),
                Clause(
                    f"{_FID}: {_NEGATIVE} above twice that of {_HARD}",
                    lambda rows: (
                        rows(_FID, treatment=_NEGATIVE) - 2 * rows(_FID, treatment=_HARD)
                    ),
                ),
                variant="PLG-MI",
            ),
        ),
        Claim(
            47, "RLB-MI, which sees no gradients, is strongly affected by negative smoothing",
            "C.5, Table 8", (_TABLE,),
            in_each(_TABLE, _BY, more(_ACC, _HARD, _NEGATIVE, by=20), variant="RLB-MI"),
        ),
        Claim(
            48, "At similar utility negative smoothing beats MID and BiDO in most attacks",
            "C.5, Table 8", (_TABLE,),
            together(
                in_each(_TABLE, _BY, more(_ACC, _MID, _NEGATIVE), tally="MID"),
                in_each(_TABLE, _BY, more(_ACC, _BIDO, _NEGATIVE), tally="BiDO"),
            ),
            least=(4, 7),
            note="Below both at once it is in three of the paper's seven attacks.",
        ),
    ),
)  # fmt: skip
