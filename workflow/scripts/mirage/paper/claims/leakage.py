"""Claims of Section 4.2: what either sign of smoothing does to the attack (Tables 1 and 2)."""

from collections.abc import Iterator

from mirage.paper.claim import (
    Claim,
    Clause,
    Condition,
    Group,
    Ledgers,
    falling,
    in_each,
    more,
    rising,
)
from mirage.paper.numbers import BLOCK

POSITIVE, HARD, NEGATIVE = "ls0.1", "ls0", "ls-0.05"
FALLING = (HARD, "ls-0.005", "ls-0.01", NEGATIVE)
_TABLE1, _TABLE2 = "Table 1", "Table 2"
_PPA = {"attack": "ppa"}


def _adds_little(metric: str, factor: str) -> Clause:
    """A larger factor moves a metric by no more than half of what 0.1 moved it."""
    return Clause(
        f"{metric}: {factor} differs from {POSITIVE} by half of its distance to {HARD} at most",
        lambda rows: (
            0.5 * (rows(metric, treatment=POSITIVE) - rows(metric, treatment=HARD)).abs()
            - (rows(metric, treatment=factor) - rows(metric, treatment=POSITIVE)).abs()
        ),
        or_equal=True,
    )


def _claim(number: int, sentence: str, source: str, *parts: Clause, item: str = _TABLE2) -> Claim:
    return Claim(number, sentence, source, (item,), in_each(item, BLOCK[:3], *parts, **_PPA))


def _untested(_: Ledgers) -> Iterator[Condition]:
    yield from ()


GROUP = Group(
    "A",
    "Privacy leakage under smoothing",
    (
        _claim(
            1, "Positive label smoothing raises attack accuracy", "4.2, Tables 1 and 2",
            more("acc1", POSITIVE, HARD),
        ),
        _claim(
            2, "Positive smoothing brings results closer to the training data, by FaceNet",
            "4.2, Tables 1 and 2", more("delta_face", HARD, POSITIVE),
        ),
        _claim(
            3, "Positive smoothing brings results closer, in the evaluator's feature space",
            "4.2, Table 2", more("delta_eval", HARD, POSITIVE),
        ),
        _claim(
            4, "Positive smoothing raises the knowledge that is extracted", "4.2, Tables 1 and 2",
            more("xi_train", POSITIVE, HARD), more("xi_test", POSITIVE, HARD),
        ),
        _claim(
            5, "Negative smoothing lowers attack accuracy", "4.2, Tables 1 and 2",
            more("acc1", HARD, NEGATIVE), more("acc5", HARD, NEGATIVE),
        ),
        _claim(
            6, "Negative smoothing lowers attack accuracy substantially, for ResNets",
            "4.2, Table 1", more("acc1", HARD, NEGATIVE, by=50), item=_TABLE1,
        ),
        _claim(
            7, "Negative smoothing moves results away from the training data", "4.2, Table 2",
            more("delta_face", NEGATIVE, HARD), more("delta_eval", NEGATIVE, HARD),
        ),
        _claim(
            8, "Negative smoothing lowers the knowledge that is extracted", "4.2, Table 2",
            more("xi_train", HARD, NEGATIVE), more("xi_test", HARD, NEGATIVE),
        ),
        _claim(
            9, "Negative smoothing costs little test accuracy", "4.2, Tables 1 and 2",
            more("test_acc", NEGATIVE, HARD, by=-4),
        ),
        _claim(
            10, "Positive smoothing improves test accuracy", "C.6, Table 2",
            more("test_acc", POSITIVE, HARD),
        ),
        _claim(
            11, "Positive factors above 0.1 add little leakage", "4.2, Figure 2b, Table 2",
            *(
                _adds_little(metric, factor)
                for metric in ("delta_face", "delta_eval", "xi_train")
                for factor in ("ls0.2", "ls0.3")
            ),
        ),
        _claim(
            12, "Negative factors give a growing defense", "4.2, Figure 2b, Table 2",
            *falling("acc1", *FALLING), *rising("delta_face", *FALLING),
            *falling("xi_train", *FALLING),
        ),
        _claim(
            13, "The growing defense costs a growing but small part of test accuracy",
            "4.2, Table 2", *falling("test_acc", *FALLING),
        ),
        _claim(
            14, "Negative smoothing worsens calibration", "5, Appendix A, Table 2",
            more("ece", NEGATIVE, HARD),
        ),
        _claim(
            15, "Positive smoothing improves calibration (cited)", "2.2, Appendix A, Table 2",
            more("ece", HARD, POSITIVE),
        ),
        Claim(
            16, "Training with a negative factor is stable only with the published schedule",
            "4.1", (), _untested,
            note="No table has a model whose factor is negative from the first epoch on.",
        ),
    ),
)  # fmt: skip
