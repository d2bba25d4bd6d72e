"""Lines that pay out money: life, accident, income protection."""

from __future__ import annotations

from darl.data.insurance.lines_care import MEDICAL
from darl.data.insurance.vocabulary import Line, bands, term

LIFE = Line(
    name="life",
    subject="person",
    names=term(
        "life insurance|life cover",
        "life insurance|life cover",
        "death benefit policy|survivor protection",
        "death benefit policy|policy that pays out when i die",
    ),
    covers={
        "funeral": term(
            "funeral costs|burial costs",
            "funeral costs|a burial",
            "final expenses|cremation",
            "cremation|last rites",
        ),
        "terminal": term(
            "terminal illness|terminal illness payout",
            "terminal illness|a terminal diagnosis",
            "advance when dying|incurable disease",
            "money up front when dying|an incurable disease",
        ),
        "mortgage": term(
            "mortgage payoff|home loan payoff",
            "the mortgage|a home loan",
            "house debt|debt on the house",
            "clearing our house debt|what we owe on the flat",
        ),
        "accidental": term(
            "accidental death|accidental death bonus",
            "accidental death|death in an accident",
            "extra for fatal accidents|fatal crashes",
            "a fatal accident|a deadly crash",
        ),
        "disability": term(
            "disability waiver|disability",
            "disability|becoming disabled",
            "incapacity waiver|invalidity",
            "incapacity|ending up an invalid",
        ),
        "orphan": term(
            "children's education fund|orphan pension",
            "my kids' education|orphan pension",
            "schooling of bereaved kids|bereaved children",
            "school fees for the children|the children left behind",
        ),
        "savings": term(
            "savings|cash value",
            "savings|cash value",
            "investment pot|surrender value",
            "building up money|an investment pot",
        ),
    },
    bands=bands(
        "0-17, 18-45, 18-50, 18-60, 18-65, 21-70, 30-69, 40-75, 50-75, 50-80, 55-85, 60-79, 18+, 60+"
    ),
    prices=(8, 99),
    years=(5, 10, 15, 20, 25, 30),
    exam=MEDICAL,
    lifelong="life",
)

ACCIDENT = Line(
    name="accident",
    subject="person",
    names=term(
        "accident insurance|personal accident cover|accident plan",
        "accident insurance|accident cover|personal accident plan",
        "injury protection|mishap policy",
        "injury protection|policy for getting hurt",
    ),
    covers={
        "bones": term(
            "broken bones|fractures",
            "broken bones|a fracture",
            "bone breaks|cracked bones",
            "a busted leg|a snapped arm",
        ),
        "burns": term(
            "burns|burn injuries", "burns|burn injuries", "scalds|fire wounds", "scalds|scorched skin"
        ),
        "disability": term(
            "permanent disability|disability",
            "permanent disability|disability",
            "lasting impairment|invalidity",
            "lasting impairment|being left an invalid",
        ),
        "accidental": term(
            "accidental death|death by accident",
            "accidental death|death by accident",
            "fatal injuries|deadly mishaps",
            "fatal injuries|a deadly fall",
        ),
        "hospital": term(
            "hospital cash|daily hospital benefit",
            "hospital cash|money per hospital day",
            "ward allowance|bed-day payment",
            "cash per night on the ward|ward allowance",
        ),
        "sports": term(
            "sports injuries|sports accidents",
            "sports injuries|football injuries",
            "athletic mishaps|training injuries",
            "skiing mishaps|gym mishaps",
        ),
        "physio": term(
            "physiotherapy|rehab",
            "physio|rehab",
            "remedial exercise|recovery training",
            "physical therapy|recovery",
        ),
    },
    bands=bands("0-12, 0-17, 0-21, 16-45, 18-55, 18-65, 18-70, 25-60, 50-75, 55-80, 60-90, 18+, 60+"),
    prices=(4, 49),
    years=(1, 2, 3, 5, 10, 20),
    exam=MEDICAL,
    lifelong="life",
)

INCOME = Line(
    name="income",
    subject="person",
    names=term(
        "income protection|salary protection|income insurance",
        "income protection|salary insurance|income insurance",
        "wage replacement policy|lost-pay policy",
        "wage replacement policy|policy that replaces my pay",
    ),
    covers={
        "illness": term(
            "long illness|long-term sickness",
            "long illness|being off sick",
            "extended ill health|prolonged absence",
            "months in bed|months of ill health",
        ),
        "redundancy": term(
            "redundancy|job loss", "redundancy|losing my job", "lay-offs|dismissal", "the sack|lay-offs"
        ),
        "mental": term(
            "mental health|burnout",
            "burnout|mental health",
            "stress absence|psychological breakdown",
            "depression|a nervous breakdown",
        ),
        "back": term(
            "back problems|back pain",
            "back problems|a bad back",
            "spinal complaints|slipped discs",
            "spine trouble",
        ),
        "disability": term(
            "disability|permanent disability",
            "disability|becoming disabled",
            "incapacity|invalidity",
            "incapacity|ending up an invalid",
        ),
        "injury": term(
            "accidents|accidental injury",
            "accidents|an injury",
            "mishaps|wounds and falls",
            "a bad fall|getting hurt",
        ),
        "maternity": term(
            "maternity leave|parental leave",
            "maternity leave|parental leave",
            "baby break|childcare break",
            "a baby break|time off after birth",
        ),
    },
    bands=bands("16-35, 18-40, 18-45, 18-50, 18-59, 21-55, 25-60, 30-64, 35-65, 45-67, 50-70, 18-67, 40-75"),
    prices=(12, 118),
    years=(1, 2, 5, 10, 15, 20, 25),
    exam=MEDICAL,
    lifelong="life",
)

MONEY = (LIFE, ACCIDENT, INCOME)
