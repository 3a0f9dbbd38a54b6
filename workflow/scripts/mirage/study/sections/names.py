"""Names in the configuration: words, and names of entries of other sections."""

from typing import Annotated, Literal, TypeAlias

from mirage.marks import Count, In, spelled
from mirage.study.grammar import WORD

Word: TypeAlias = Annotated[
    str, spelled(WORD, "in lower case, of letters and digits, joined by one of -_.")
]
"""What may stand in a path."""
Samples: TypeAlias = Count | Literal["all"]
"""Training images per class."""

ArchitectureName: TypeAlias = Annotated[str, In("architectures")]
AssetName: TypeAlias = Annotated[str, In("assets")]
AttackName: TypeAlias = Annotated[str, In("attacks")]
DatasetName: TypeAlias = Annotated[str, In("datasets")]
MeasureName: TypeAlias = Annotated[str, In("measures")]
PoolName: TypeAlias = Annotated[str, In("pools")]
PriorName: TypeAlias = Annotated[str, In("priors")]
TrainingName: TypeAlias = Annotated[str, In("training")]
