"""Lines that pay for care: health, dental, critical illness."""

from __future__ import annotations

from darl.data.insurance.vocabulary import Line, bands, term

MEDICAL = term(
    "medical exam|health check|medical",
    "medical exam|medical|health check",
    "doctor's examination|physical",
    "doctor's examination|physical",
)

HEALTH = Line(
    name="health",
    subject="person",
    names=term(
        "health insurance|medical insurance|health plan",
        "health insurance|medical insurance|health cover",
        "private healthcare policy|sickness fund",
        "healthcare policy|policy for doctor's bills",
    ),
    covers={
        "hospital": term(
            "hospital stays|inpatient care",
            "hospital stays|being in hospital",
            "ward and surgery bills|overnight admissions",
            "operations and ward stays|getting admitted",
        ),
        "dental": term(
            "dental care|dental treatment",
            "dental|the dentist|teeth",
            "dentist bills|oral care",
            "dentist visits|tooth repairs",
        ),
        "eye": term(
            "eye care|vision", "glasses|eye tests|vision", "optical|spectacles", "new specs|contact lenses"
        ),
        "physio": term(
            "physiotherapy|physio sessions",
            "physio|physiotherapy",
            "manual therapy|remedial exercise",
            "physical therapy|rehab after an injury",
        ),
        "maternity": term(
            "maternity care|pregnancy and birth",
            "maternity|pregnancy|having a baby",
            "midwife and delivery costs|prenatal care",
            "giving birth|prenatal visits",
        ),
        "mental": term(
            "mental health|psychotherapy",
            "mental health|therapy sessions|counselling",
            "psychological care|talking cures",
            "a psychologist|depression treatment",
        ),
        "cancer": term(
            "cancer treatment|cancer care",
            "cancer treatment|cancer drugs",
            "oncology|tumour treatment",
            "chemotherapy|an oncologist",
        ),
    },
    bands=bands("0-17, 0-21, 0-70, 18-35, 18-50, 18-65, 21-60, 30-69, 50-75, 55-80, 60-85, 18+, 60+"),
    prices=(21, 129),
    years=(1, 2, 3, 5, 10),
    exam=MEDICAL,
    lifelong="life",
)

DENTAL = Line(
    name="dental",
    subject="person",
    names=term(
        "dental insurance|dental plan|tooth insurance",
        "dental insurance|dental plan|insurance for teeth",
        "dentist policy|oral care policy",
        "policy for dentist bills|oral care policy",
    ),
    covers={
        "filling": term(
            "fillings|tooth fillings",
            "fillings|cavities",
            "cavity repair|decay treatment",
            "holes in teeth|decay",
        ),
        "crown": term(
            "crowns and bridges|crowns",
            "crowns|a crown or bridge",
            "tooth caps|caps",
            "a capped tooth|a new cap",
        ),
        "implant": term(
            "implants|dental implants",
            "implants|an implant",
            "artificial tooth roots|titanium posts",
            "screw-in teeth|replacing a lost tooth",
        ),
        "braces": term(
            "braces|orthodontics",
            "braces|straightening teeth",
            "teeth alignment|aligners",
            "crooked teeth|invisible aligners",
        ),
        "root": term(
            "root canals|root canal treatment",
            "root canal|root canal work",
            "endodontic care|tooth nerve treatment",
            "an infected tooth nerve|the endodontist",
        ),
        "clean": term(
            "cleaning|professional cleaning",
            "cleaning|hygienist visits",
            "scale and polish|tartar removal",
            "plaque removal|a polish",
        ),
        "whiten": term(
            "whitening|bleaching",
            "whitening|whiter teeth",
            "stain lightening|brightening",
            "brighter teeth|bleach",
        ),
    },
    bands=bands("0-12, 0-17, 0-21, 16-45, 18-50, 18-65, 21-70, 30-60, 50-79, 60-85, 18+, 55+"),
    prices=(6, 58),
    years=(1, 2, 3, 5, 10),
    exam=term(
        "dental exam|dental check-up|check-up",
        "dental exam|check-up|dental check-up",
        "dentist's inspection|oral examination",
        "dentist's inspection|oral examination",
    ),
    lifelong="life",
)

CRITICAL = Line(
    name="critical",
    subject="person",
    names=term(
        "critical illness cover|critical illness insurance|serious illness plan",
        "critical illness insurance|critical illness cover|serious illness plan",
        "dread disease policy|diagnosis lump sum",
        "dread disease policy|lump sum for grave diseases",
    ),
    covers={
        "cancer": term(
            "cancer|cancer diagnosis",
            "cancer|a cancer diagnosis",
            "malignant tumours|tumours",
            "a malignant tumour|tumours",
        ),
        "heart": term(
            "heart attack|cardiac arrest",
            "heart attack|heart trouble",
            "coronary disease|myocardial infarction",
            "a coronary|cardiac disease",
        ),
        "stroke": term(
            "stroke|brain haemorrhage",
            "stroke|a brain bleed",
            "cerebral infarct|brain clots",
            "a clot in the brain",
        ),
        "kidney": term(
            "kidney failure|renal failure",
            "kidney failure|dialysis",
            "end-stage renal disease|chronic dialysis",
            "failing kidneys|renal disease",
        ),
        "sight": term(
            "blindness|loss of sight",
            "going blind|loss of sight",
            "total vision loss|eyesight loss",
            "losing my eyesight|losing my vision",
        ),
        "paralysis": term(
            "paralysis|loss of limbs",
            "paralysis|being paralysed",
            "paraplegia|loss of limb use",
            "ending up in a wheelchair|paraplegia",
        ),
        "dementia": term(
            "dementia|Alzheimer's disease",
            "dementia|alzheimers",
            "cognitive decline|memory loss",
            "losing my memory|senility",
        ),
    },
    bands=bands("0-17, 16-40, 18-45, 18-55, 18-65, 25-60, 30-69, 35-70, 50-75, 50-80, 60-85, 21+, 55+"),
    prices=(9, 94),
    years=(5, 10, 15, 20, 25, 30),
    exam=MEDICAL,
    lifelong="life",
)

CARE = (HEALTH, DENTAL, CRITICAL)
