"""What attacks on a data set are held against in the FID's network, fitted once for all of them.

NumPy only, as all that scoring starts from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirage.evaluation.fid import Gaussian, fit_gaussian
from mirage.evaluation.fidelity import CORRECTED, FIDELITIES, Fidelity
from mirage.evaluation.prdc import radii
from mirage.evaluation.stored import Array, RealFeatures, Stored

FID = "fid"
"""Role of the network that gives FID and PRDC, where there is one."""


@dataclass(frozen=True)
class Reference(Stored):
    """Gaussians and neighbours of all training images.

    Attributes:
        radii: of each image within its class, by the corrected features, float64 [N], as
            ``prdc.radii`` has them; 0, a ball that holds nothing, for an only image.
        mean: fidelity -> mean, float64 [D]; where both fidelities feed the network the same
            images, only ``corrected`` is there, as among the features.
        factor: fidelity -> factor of the covariance, as ``fid.Gaussian`` has it.
    """

    radii: NDArray[np.float64]
    mean: Mapping[str, Array]
    factor: Mapping[str, Array]

    def gaussian(self, fidelity: Fidelity) -> Gaussian:
        """Mean and covariance of all training images."""
        held = fidelity if fidelity in self.mean else CORRECTED
        return Gaussian(self.mean[held], self.factor[held])


def fit_reference(real: RealFeatures) -> Reference:
    """Fit what no attack changes.

    Raises:
        MirageError: there is no network of the FID, or a single image.
    """
    features = real.of(FID, CORRECTED)
    found = np.zeros(len(features))
    for label in np.unique(real.labels):
        rows = np.flatnonzero(real.labels == label)
        if len(rows) > 1:
            found[rows] = radii(features[rows])
    del features  # which are as large as those of the next line
    fitted = {
        fidelity: fit_gaussian(real.of(FID, fidelity))
        for fidelity in FIDELITIES
        if f"{FID}.{fidelity}" in real.features
    }
    return Reference(
        found,
        {fidelity: gaussian.mean for fidelity, gaussian in fitted.items()},
        {fidelity: gaussian.factor for fidelity, gaussian in fitted.items()},
    )
