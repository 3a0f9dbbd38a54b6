"""Claims on adversarial examples and backdoors (C.8, C.9, Tables 11 and 12)."""

from mirage.paper.claim import Claim, Clause, Group, in_each, more, together

_EXAMPLES, _BACKDOORS = "Table 11", "Table 12"
_POSITIVE, _HARD, _NEGATIVE = "ls0.1", "ls0", "ls-0.05"
_MODEL = ("dataset", "architecture")
_ATTACKS = ("untargeted_fgsm", "untargeted_pgd", "untargeted_bim")


def _always(metric: str, name: str) -> Clause:
    """An attack that always succeeds."""
    return Clause(
        f"{metric} of {name} is 100",
        lambda rows: rows(metric, treatment=name) - 100.0,
        or_equal=True,
    )


GROUP = Group(
    "H",
    "Adversarial examples and backdoors",
    (
        Claim(
            54, "Positive smoothing lowers the success of FGSM on almost all models",
            "C.8, Table 11", (_EXAMPLES,),
            together(
                *(in_each(_EXAMPLES, _MODEL, more(metric, _HARD, _POSITIVE), tally=metric)
                  for metric in ("untargeted_fgsm", "targeted_fgsm"))
            ),
            least=(5, 6),
        ),
        Claim(
            55, "Negative smoothing lowers untargeted success in almost every case",
            "C.8, Table 11", (_EXAMPLES,),
            together(
                *(in_each(_EXAMPLES, _MODEL, more(metric, _HARD, _NEGATIVE),
                          more(metric, _POSITIVE, _NEGATIVE))
                  for metric in _ATTACKS)
            ),
            note="Low rates may be gradients that vanish, not robustness; see claim 57.",
        ),
        Claim(
            56, "Without negative smoothing untargeted PGD and BIM always succeed",
            "C.8, Table 11", (_EXAMPLES,),
            in_each(
                _EXAMPLES, _MODEL,
                *(_always(metric, name) for metric in _ATTACKS[1:] for name in (_POSITIVE, _HARD)),
            ),
        ),
        Claim(
            57, "Ours: low untargeted rates are an artefact, as targeted PGD succeeds more often",
            "C.8, Table 11", (_EXAMPLES,),
            in_each(
                _EXAMPLES, _MODEL,
                Clause(
                    f"targeted_pgd above untargeted_pgd, {_NEGATIVE}",
                    lambda rows: (
                        rows("targeted_pgd", treatment=_NEGATIVE)
                        - rows("untargeted_pgd", treatment=_NEGATIVE)
                    ),
                ),
            ),
            note="A targeted success is an untargeted one as well.",
        ),
        Claim(
            58, "Negative smoothing hinders the backdoor of blended images", "C.9, Table 12",
            (_BACKDOORS,),
            in_each(
                _BACKDOORS, _MODEL,
                more("backdoor_success", f"{_HARD}+blended", f"{_NEGATIVE}+blended"),
            ),
            note="The paper draws no conclusion; its model lost ten points of clean accuracy.",
        ),
    ),
)  # fmt: skip
