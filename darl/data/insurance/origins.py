"""Where the pairs of a slice come from: the training distribution, unseen wordings, unseen lines."""

from __future__ import annotations

from dataclasses import dataclass

from darl.data.insurance.lines_care import CARE
from darl.data.insurance.lines_far import FAR
from darl.data.insurance.lines_money import MONEY
from darl.data.insurance.phrasebook import Phrasebook
from darl.data.insurance.phrases_seen import SEEN
from darl.data.insurance.phrases_unseen import UNSEEN
from darl.data.insurance.vocabulary import Line, forms


@dataclass(frozen=True, eq=False)  # compared by identity, so that a catalogue can be kept for it
class Origin:
    """A distribution of pairs: its name, lines, insurers, and the phrasebooks its people write by."""

    name: str
    lines: tuple[Line, ...]
    insurers: tuple[str, ...]
    books: tuple[Phrasebook, ...]


IN_DIST = Origin(
    "in_dist",
    CARE + MONEY,
    forms(
        "Arvello|Norvane|Quillstone|Veldora Mutual|Castorly|Pinmoor|Osterleigh|Lumenwick|Tarrowby|"
        "Fennick & Vale|Glaspointe|Corvanth|Merrowick|Hollin Life"
    ),
    (SEEN,),
)
NEAR_OOD = Origin(
    "near_ood",
    CARE + MONEY,
    forms(
        "Bexmarth|Dunelow|Jorvane Group|Kestrevale|Ostbury|Penhallow Direct|Rookmere|Silvanto|Thornquay|"
        "Ulverdale|Wyndlish|Zephrane"
    ),
    (UNSEEN,),
)
FAR_OOD = Origin(
    "far_ood",
    FAR,
    forms(
        "Abberlyn|Brackenmoor|Cindrell|Eskvale|Farrowdene|Grellan|Hexmoor Direct|Ivelstone|Larkhame|"
        "Mossgate Mutual|Orrindale|Yarrowen"
    ),
    (SEEN, UNSEEN),
)
