"""The phrasebook of the training slices and of half of far_ood."""

from __future__ import annotations

from darl.data.insurance.phrasebook import Phrasebook
from darl.data.insurance.vocabulary import forms

ITEM = {
    "head": forms("{insurer} {line}|{insurer}: {line}|{line} by {insurer}|{insurer} - {line}"),
    "include": forms("covers {x}|including {x}|with {x}|{x} included|{x} covered|pays for {x}"),
    "exclude": forms("excluding {x}|no {x}|without {x}|{x} not covered|{x} excluded|not for {x}"),
    "and": (" and ", " + ", " & "),
    "separator": (", ", ", ", "; ", " | "),
    "range": forms("ages {lo}-{hi}|entry age {lo}-{hi}|for ages {lo} to {hi}|open to {lo}-{hi} year olds"),
    "upto": forms("up to age {hi}|from birth to age {hi}|ages 0-{hi}"),
    "from": forms("from age {lo}, no upper limit|entry from {lo}, no upper age|ages {lo} and over"),
    "child": forms("children's plan, up to age {hi}|for kids up to {hi}|ages 0-{hi}"),
    "senior": forms("senior plan, entry {lo}-{hi}|for seniors {lo}-{hi}|entry age {lo}-{hi}"),
    "senior from": forms("senior plan, entry from {lo}|ages {lo} and over|seniors from {lo}, no upper age"),
    "pet range": forms("pets aged {lo}-{hi}|entry age {lo}-{hi} years|animals {lo} to {hi} years old"),
    "pet upto": forms("pets up to {hi} years|entry up to age {hi}|pet age 0-{hi}"),
    "pet from": forms("older pets, from age {lo}|pets aged {lo} and over"),
    "building range": forms("buildings {lo}-{hi} years old|building age {lo}-{hi}|houses aged {lo} to {hi}"),
    "building upto": forms("buildings up to {hi} years|building age 0-{hi}|newer houses, up to {hi} years"),
    "building from": forms("old houses, from {lo} years|building age {lo} and over"),
    "years": forms("{n}-year term|runs {years}|{n}-year contract|fixed for {years}"),
    "life": forms("lifelong|whole of life|for life|no end date"),
    "open-ended": forms("open-ended|no end date|runs until cancelled"),
    "price": forms("${p}/month|${p} a month|${p} monthly|premium ${p}"),
    "none": forms("no {exam}|without {exam}|{exam} not needed|guaranteed acceptance"),
    "required": forms("{exam} required|subject to {exam}|after a {exam}|{exam} first"),
}

QUERY = {
    "head": forms(
        "{line} covering {x}|{line} that pays for {x}|{line} with {x}|{line} including {x}|"
        "need {line} for {x}|{line}, must cover {x}|{line} {x}|any {line} that does {x}?"
    ),
    "plain": forms("{line}|looking for {line}|best {line}|need {line}|compare {line}|good {line}?"),
    "join": (", ", " ", ", ", " - "),
    "baby": forms("for my newborn|for our newborn baby|for a baby, age 0"),
    "child": forms(
        "for my {age} year old son|for my daughter aged {age}|for my kid, {age}|for a child of {age}"
    ),
    "adult": forms(
        "i'm {age}|for my wife aged {age}|for my husband, {age}|{age} years old|age {age}|for me, {age}"
    ),
    "senior": forms(
        "for my father aged {age}|for my mum, {age}|grandfather aged {age}|i'm {age}|{age} years old"
    ),
    "pet": forms("for my {age} year old dog|my cat is {age}|for a dog aged {age}|{age} year old cat"),
    "building": forms("for a {age} year old house|house is {age} years old|flat, {age} years old"),
    "budget": forms("under ${b}|below ${b} a month|max ${b}/month|not over ${b}|no more than ${b} a month"),
    "at least": forms("at least {years}|{years} or longer|for {years} minimum|not shorter than {years}"),
    "at most": forms("no longer than {years}|{years} at most|for {years} maximum|not longer than {years}"),
    "life": forms("not term, for life|whole life, not term|lifelong|for life"),
    "not life": forms("term, not whole life|not lifelong|fixed term, not for life"),
    "open-ended": forms("with no end date|open-ended|not fixed term"),
    "not open-ended": forms("fixed term|with an end date|not open-ended"),
    "none": forms("no {exam}|without {exam}|don't want a {exam}|not with a {exam}"),
    "required": forms("only with a {exam} first|must have a {exam}|with {exam} up front"),
    "extra": forms("ideally also {x}|{x} would be a plus|{x} too if possible|preferably {x} as well"),
    "unwanted": forms("without {x}|no {x}|don't need {x}|{x} not needed|excluding {x}"),
}

SEEN = Phrasebook("seen", ITEM, QUERY, misspelled=0.12)
