"""Names in the configuration: words, and names of entries of other sections."""

from typing import Annotated, TypeAlias

from mirage.marks import In, spelled
from mirage.study.grammar import WORD

Word: TypeAlias = Annotated[
    str, spelled(WORD, "in lower case, of letters and digits, joined by one of -_.")
]
"""What may stand in a path."""

ArchitectureName: TypeAlias = Annotated[str, In("architectures")]
AssetName: TypeAlias = Annotated[str, In("assets")]
AttackName: TypeAlias = Annotated[Word, In("attacks")]
DatasetName: TypeAlias = Annotated[str, In("datasets")]
MeasureName: TypeAlias = Annotated[str, In("measures")]
PoolName: TypeAlias = Annotated[str, In("pools")]
PriorName: TypeAlias = Annotated[str, In("priors")]
TrainingName: TypeAlias = Annotated[str, In("training")]
