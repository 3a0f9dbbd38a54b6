"""The metrics of the paper's tables: names, units, direction, how they are printed."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One column of a table.

    Attributes:
        key: name in records and tables.
        title: heading as plain text with Greek letters.
        latex: heading in LaTeX.
        towards: 1 if larger is better for whom the metric serves (test accuracy: the user; all
            attack metrics: the attacker), -1 if smaller is, 0 if it has no direction.
        digits: decimals as printed in the paper's Table 2.
        percent: whether tables hold percent while records hold a share of 1.
        of_attack: whether it measures the attack rather than the target.
    """

    key: str
    title: str
    latex: str
    towards: Literal[-1, 0, 1]
    digits: int
    percent: bool = False
    of_attack: bool = True

    @property
    def of_differences(self) -> tuple[int, str]:
        """Decimals and unit of differences: points of a share, a decimal less of other numbers."""
        return (1, " pp") if self.percent else (max(self.digits - 1, 1), "")

    @property
    def arrow(self) -> str:
        """The paper's sign for the better direction."""
        return {1: "↑", -1: "↓", 0: ""}[self.towards]


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("test_acc", "Test Acc", "Test Acc", 1, 2, percent=True, of_attack=False),
        Metric("ece", "ECE", "ECE", -1, 4, of_attack=False),
        Metric("acc1", "Acc@1", "Acc@1", 1, 2, percent=True),
        Metric("acc1_std", "Acc@1 ± ranks", r"Acc@1 $\pm$ ranks", 0, 1, percent=True),
        Metric("acc5", "Acc@5", "Acc@5", 1, 2, percent=True),
        Metric("confidence", "Confidence", "Confidence", 1, 2, percent=True),
        Metric("delta_face", "δ face", r"$\delta_{\mathrm{face}}$", -1, 4),
        Metric("delta_eval", "δ eval", r"$\delta_{\mathrm{eval}}$", -1, 2),
        Metric("delta_face_seen", "δ face, seen", r"$\delta_{\mathrm{face}}$, seen", -1, 4),
        Metric("delta_eval_seen", "δ eval, seen", r"$\delta_{\mathrm{eval}}$, seen", -1, 2),
        Metric("fid", "FID", "FID", -1, 2),
        Metric("xi_train", "ξ train", r"$\xi_{\mathrm{train}}$", 1, 2, percent=True),
        Metric("xi_test", "ξ test", r"$\xi_{\mathrm{test}}$", 1, 2, percent=True),
        Metric("verified", "Verified hits", "Verified hits", 1, 2, percent=True),
        Metric("unverified", "Hits that fail", "Hits that fail", -1, 2, percent=True),
        Metric("precision", "Precision", "Precision", 1, 3),
        Metric("recall", "Recall", "Recall", 1, 3),
        Metric("density", "Density", "Density", 1, 3),
        Metric("coverage", "Coverage", "Coverage", 1, 3),
        # Of backdoors: the smaller the success, the better for the user.
        Metric("backdoor_success", "Attack success", "Attack success", -1, 2, True, False),
        Metric("backdoor_clean", "Clean model's share", "Clean model's share", 0, 2, True, False),
        Metric("user_preference", "User preference", "User preference", 0, 2, percent=True),
        # Of the low-resolution attacks, each by its own code's way of counting.
        Metric("recovered_acc1", "Acc@1", "Acc@1", 1, 2, percent=True),
        Metric("recovered_acc1_std", "± Acc@1", r"$\pm$ Acc@1", 0, 2, percent=True),
        Metric("recovered_acc5", "Acc@5", "Acc@5", 1, 2, percent=True),
        Metric("recovered_acc5_std", "± Acc@5", r"$\pm$ Acc@5", 0, 2, percent=True),
        Metric("delta_knn", "δ KNN", r"$\delta_{\mathrm{KNN}}$", -1, 2),
        Metric("recovered_fid", "FID", "FID", -1, 2),
        Metric("recovered_fid_images", "n of FID", "n of FID", 0, 0),
        Metric("queries", "Queries", "Queries", 0, 0),
        Metric("found", "Classes found", "Classes found", 1, 2, percent=True),
        Metric("variety", "Variety", "Variety", 0, 2),
        Metric("real_variety", "Variety of photographs", "Variety of photographs", 0, 2),
        # Of adversarial attacks, which need no generator: how often they succeed.
        Metric("untargeted_fgsm", "FGSM", "FGSM", 1, 2, percent=True),
        Metric("untargeted_pgd", "PGD", "PGD", 1, 2, percent=True),
        Metric("untargeted_bim", "BIM", "BIM", 1, 2, percent=True),
        Metric("untargeted_onepixel", "One-Pixel", "One-Pixel", 1, 2, percent=True),
        Metric("targeted_fgsm", "FGSM, targeted", "FGSM, targeted", 1, 2, percent=True),
        Metric("targeted_pgd", "PGD, targeted", "PGD, targeted", 1, 2, percent=True),
        Metric("targeted_bim", "BIM, targeted", "BIM, targeted", 1, 2, percent=True),
        Metric(
            "targeted_onepixel", "One-Pixel, targeted", "One-Pixel, targeted", 1, 2, percent=True
        ),
        Metric("masked", "Gradients masked", "Gradients masked", 0, 0, percent=True),
        Metric("pgd_gap", "PGD, margin loss", "PGD, margin loss", 1, 2, percent=True),
        Metric("pgd_tempered", "PGD, cooled logits", "PGD, cooled logits", 1, 2, percent=True),
        Metric("apgd_dlr", "APGD, DLR loss", "APGD, DLR loss", 1, 2, percent=True),
        Metric("zero_gradient", "Zero gradient", "Zero gradient", 0, 2, percent=True),
        Metric("certain", "p = 1", "$p = 1$", 0, 2, percent=True),
        Metric("median_lead", "Median margin", "Median margin", 0, 2),
    )
}
"""Key -> metric, in the order of the tables."""

TARGET_METRICS = tuple(metric.key for metric in METRICS.values() if not metric.of_attack)
ATTACK_METRICS = tuple(metric.key for metric in METRICS.values() if metric.of_attack)


def paper_sign(metric: str, alpha: float) -> int:
    """Sign of the change against alpha = 0 that the paper claims: -1, 0 or 1.

    Positive smoothing moves every attack metric, and the test accuracy, to its better side, and
    negative smoothing to its worse side (paper Section 4.2, Tables 1 and 2).
    """
    towards = METRICS[metric].towards
    return towards * (int(alpha > 0) - int(alpha < 0))
