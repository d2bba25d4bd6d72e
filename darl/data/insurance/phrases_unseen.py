"""The phrasebook kept from training: the same meanings in other words, for near_ood and half of far_ood."""

from __future__ import annotations

from darl.data.insurance.phrasebook import Phrasebook
from darl.data.insurance.vocabulary import forms

ITEM = {
    "head": forms("{line} from {insurer}|{insurer}'s {line}|{line} ({insurer})|{insurer} presents {line}"),
    "include": forms("takes care of {x}|benefits: {x}|{x} paid|reimburses {x}|good for {x}"),
    "exclude": forms("leaves out {x}|{x} left out|minus {x}|won't pay {x}|nothing for {x}"),
    "and": (" plus ", "/", ", also "),
    "separator": (". ", " * ", "; ", ". "),
    "range": forms("join between {lo} and {hi}|aged {lo} through {hi}|{lo} to {hi} when joining"),
    "upto": forms("max. age {hi}|nobody older than {hi}|everyone until {hi}"),
    "from": forms("anyone {lo} or older|min. age {lo}, no maximum|{lo}+, never too old"),
    "child": forms("youngsters until {hi}|junior tariff, max. {hi}|boys and girls to {hi}"),
    "senior": forms(
        "retiree tariff, join {lo} to {hi}|later-life tariff {lo}-{hi}|{lo} to {hi} when joining"
    ),
    "senior from": forms("retiree tariff, {lo} or older|later-life tariff {lo}+|min. age {lo}, no maximum"),
    "pet range": forms(
        "animals from {lo} through {hi}|{lo} to {hi} yrs when joining|between {lo} and {hi} yrs"
    ),
    "pet upto": forms("max. {hi} yrs|young animals until {hi}|no animal older than {hi}"),
    "pet from": forms("animals {lo} or older|min. {lo} yrs, no maximum"),
    "building range": forms("built between {lo} and {hi} yrs ago|{lo} through {hi} yrs since building"),
    "building upto": forms("built {hi} yrs ago at most|no building older than {hi} yrs"),
    "building from": forms("built {lo} yrs ago or earlier|min. {lo} yrs since building"),
    "years": forms("{n}-yr policy|lasts {years}|ends after {years}|valid {years}"),
    "life": forms("never expires|permanent|until you die"),
    "open-ended": forms("never expires|permanent|until you end it"),
    "price": forms("${p} each month|costs ${p} pm|{p} dollars monthly|instalments of ${p}"),
    "none": forms("skips the {exam}|{exam} waived|everybody accepted|free of {exam}"),
    "required": forms("{exam} compulsory|once you pass a {exam}|{exam} at the start|involves a {exam}"),
}

QUERY = {
    "head": forms(
        "{line} to take care of {x}|want {x} sorted by {line}|who reimburses {x}? {line}|"
        "show {line} paying {x}|{x} essential, {line}|recommend {line} good for {x}|{line} to handle {x}"
    ),
    "plain": forms("recommend {line}|shopping for {line}|which {line}?|show {line} offers"),
    "join": (". ", "; ", " / ", " ... "),
    "baby": forms("just been born|our brand new baby girl|baby born last week"),
    "child": forms("my little one is {age}|our boy turned {age}|our girl is {words}|{words}-year-old pupil"),
    "adult": forms("my partner is {words}|being {age}|just turned {age}|myself {age}|{words} years of age"),
    "senior": forms(
        "granny turned {age}|dad is {words}|for a pensioner of {age}|being {age}|{words} years of age"
    ),
    "pet": forms("our puppy turned {age}|my tomcat is {words}|{words}-year-old terrier|the cat turned {age}"),
    "building": forms("cottage built {age} yrs ago|we live in a {age}-yr-old place|bungalow of {age} yrs"),
    "budget": forms(
        "{b} dollars tops|budget ${b} pm|can't pay past {b} bucks|${b} is my limit|cheaper than {b} bucks"
    ),
    "at least": forms("has to last {n}+ yrs|minimum duration {years}|{years} or more of it"),
    "at most": forms("not tied up past {years}|maximum duration {years}|{n} yrs or fewer"),
    "life": forms("permanent please|should never expire|until i die|nothing that runs out"),
    "not life": forms("nothing permanent|should expire one day|one that runs out eventually"),
    "open-ended": forms("permanent please|should never expire|nothing that runs out"),
    "not open-ended": forms("nothing permanent|should expire one day|one that runs out eventually"),
    "none": forms("{exam}? no thanks|rather skip the {exam}|hate any {exam}|spare me the {exam}"),
    "required": forms("i insist on a {exam}|{exam} essential|{exam}? yes, i want one"),
    "extra": forms("bonus if {x} is in there|nice to have: {x}|hopefully {x} on top|extra points for {x}"),
    "unwanted": forms("skip {x}|{x} is of no use to me|leave out {x}|won't pay for {x}"),
}

UNSEEN = Phrasebook("unseen", ITEM, QUERY, misspelled=0.2)
