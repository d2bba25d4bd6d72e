"""Lines kept out of training: pet, travel, car, home."""

from __future__ import annotations

from darl.data.insurance.vocabulary import Line, bands, term

PET = Line(
    name="pet",
    subject="pet",
    names=term("pet insurance|dog and cat insurance|pet plan", "pet insurance|pet cover|insurance for pets"),
    covers={
        "surgery": term("vet surgery|operations at the vet", "vet surgery|operations"),
        "dental": term("dental care|teeth treatment", "dental|bad teeth"),
        "vaccine": term("vaccinations|jabs and worming", "vaccinations|jabs"),
        "theft": term("theft and straying|loss or theft", "theft|being stolen or lost"),
        "liability": term("third-party liability|damage to others", "liability|bites and damage to others"),
        "physio": term("hydrotherapy|physio for pets", "hydrotherapy|physio"),
        "diet": term("prescription food|special diet", "special food|prescription diet"),
    },
    bands=bands("0-5, 0-8, 1-6, 1-8, 1-10, 2-9, 4-12, 7-14, 8-16, 6+"),
    prices=(7, 64),
    years=(1, 2, 3, 5, 10),
    exam=term("vet check|vet examination", "vet check|vet visit"),
    lifelong="life",
)

TRAVEL = Line(
    name="travel",
    subject="person",
    names=term(
        "travel insurance|trip cover|holiday insurance", "travel insurance|holiday insurance|trip cover"
    ),
    covers={
        "cancel": term("cancellation|trip cancellation", "cancellation|cancelling the trip"),
        "luggage": term("lost luggage|baggage", "lost luggage|suitcases"),
        "doctor": term("medical care abroad|doctor abroad", "a doctor abroad|medical care abroad"),
        "winter": term("winter sports|ski trips", "skiing|winter sports"),
        "theft": term("theft|stolen valuables", "theft|pickpockets"),
        "delay": term("flight delays|missed connections", "delays|missed flights"),
        "dental": term("emergency dental|toothache abroad", "emergency dental|toothache"),
    },
    bands=bands("0-17, 0-64, 16-35, 18-50, 18-65, 18-70, 30-75, 50-80, 60-85, 65-90, 18+, 60+"),
    prices=(4, 59),
    years=(1, 2, 3, 5),
    exam=term("medical screening|health questionnaire", "medical screening|health questionnaire"),
    lifelong="open-ended",
)

CAR = Line(
    name="car",
    subject="person",
    names=term("car insurance|motor cover|auto insurance", "car insurance|auto insurance|motor cover"),
    covers={
        "theft": term("theft|car theft", "theft|a stolen car"),
        "glass": term("glass breakage|windscreen", "a cracked windscreen|glass"),
        "roadside": term("roadside assistance|towing", "breakdowns|towing"),
        "legal": term("legal costs|lawyer fees", "legal costs|a lawyer"),
        "liability": term("third-party liability|damage to others", "liability|damage to other cars"),
        "hire": term("courtesy car|hire car", "a courtesy car|a replacement car"),
        "injury": term("driver injury|injured driver", "driver injury|getting hurt at the wheel"),
    },
    bands=bands("17-25, 17-30, 18-65, 21-60, 21-70, 25-69, 25-75, 30-79, 50-80, 60-85, 21+, 55+"),
    prices=(22, 139),
    years=(1, 2, 3, 5),
    exam=term("vehicle inspection|car check", "vehicle inspection|car check"),
    lifelong="open-ended",
)

HOME = Line(
    name="home",
    subject="building",
    names=term(
        "home insurance|house insurance|household cover", "home insurance|house insurance|flat insurance"
    ),
    covers={
        "theft": term("burglary and theft|theft", "burglary|theft"),
        "flood": term("flood|flood damage", "floods|high water"),
        "fire": term("fire|fire damage", "fire|a kitchen fire"),
        "glass": term("glass breakage|broken windows", "broken windows|glass"),
        "leak": term("water leaks|burst pipes", "burst pipes|leaks"),
        "bikes": term("bicycles|bikes away from home", "bikes|a stolen bike"),
        "legal": term("legal costs|disputes with neighbours", "legal costs|rows with neighbours"),
    },
    bands=bands("0-10, 0-25, 0-40, 0-60, 0-80, 5-50, 10-70, 20-100, 30-120, 50-150, 40+, 70+"),
    prices=(6, 78),
    years=(1, 2, 3, 5, 10),
    exam=term("home survey|surveyor visit", "survey|surveyor visit"),
    lifelong="open-ended",
)

FAR = (PET, TRAVEL, CAR, HOME)
