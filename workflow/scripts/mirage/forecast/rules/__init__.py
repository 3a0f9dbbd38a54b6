"""What the jobs of each rule do; importing this package enters all of them."""

from mirage.forecast.rules import attacks, data, evaluation, paper, priors, targets

__all__ = ["attacks", "data", "evaluation", "paper", "priors", "targets"]
