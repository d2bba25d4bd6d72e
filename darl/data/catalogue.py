"""The corpora that an experiment can name."""

from __future__ import annotations

from darl.data.corpus import Corpus
from darl.data.domains import DomainCorpus
from darl.data.insurance.corpus import InsuranceCorpus

CORPORA: dict[str, type[Corpus]] = {"insurance": InsuranceCorpus, "domains": DomainCorpus}
