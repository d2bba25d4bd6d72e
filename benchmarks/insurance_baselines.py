"""How little word matching knows about the generated insurance corpus: the tables of docs/insurance.md.

Run from the repository's root: python benchmarks/insurance_baselines.py
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations

import bm25s
import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from darl.data.insurance.cases import Case
from darl.data.insurance.corpus import InsuranceCorpus
from darl.data.insurance.rules import Columns, misses
from darl.pairs import GradedPair, Pair

NUMBERS = ("age", "budget", "term")
WORDS = ("line", "need", "check", "extra", "unwanted")
SKILLS = {
    "age": ("age",),
    "age and budget": ("age", "budget"),
    "all numbers: age, budget, term": NUMBERS,
    "no numbers: line, need, check, extra, unwanted": WORDS,
    "everything": NUMBERS + WORDS,
}
SLICES = ("in_dist", "near_ood", "far_ood")
STRONG = 2
THRESHOLD_CANDIDATES = 25
WORD = re.compile(r"\w+")

Scores = npt.NDArray[np.float64]
Scorer = Callable[[Sequence[GradedPair]], Scores]


def words(text: str) -> set[str]:
    """The distinct words of a text, lower-cased."""
    return set(WORD.findall(text.lower()))


def share_of_query_words(pairs: Sequence[GradedPair]) -> Scores:
    """|query words in the item| / |query words|."""
    sets = [(words(pair.query), words(pair.item)) for pair, _ in pairs]
    return np.array([len(query & item) / len(query) for query, item in sets])


def jaccard(pairs: Sequence[GradedPair]) -> Scores:
    """|words in both| / |words in either|."""
    sets = [(words(pair.query), words(pair.item)) for pair, _ in pairs]
    return np.array([len(query & item) / len(query | item) for query, item in sets])


def bm25(pairs: Sequence[GradedPair]) -> Scores:
    """BM25 (Lucene's variant, k1 1.5, b 0.75) of each pair; the collection is the slice's distinct items."""
    items = sorted({pair.item for pair, _ in pairs})
    place = {item: i for i, item in enumerate(items)}
    index = bm25s.BM25()
    index.index(_tokens(items), show_progress=False)
    by_query = {query: index.get_scores(tokens) for query, tokens in _query_tokens(pairs)}
    return np.array([by_query[pair.query][place[pair.item]] for pair, _ in pairs], dtype=np.float64)


def _tokens(texts: Sequence[str]) -> list[list[str]]:
    return [WORD.findall(text.lower()) for text in texts]


def _query_tokens(pairs: Sequence[GradedPair]) -> list[tuple[str, list[str]]]:
    queries = sorted({pair.query for pair, _ in pairs})
    return list(zip(queries, _tokens(queries), strict=True))


def word_regression(train: Sequence[GradedPair], text: Callable[[Pair], str]) -> Scorer:
    """Logistic regression, strong against the rest, on the counts of words and word pairs of a text."""
    model = make_pipeline(CountVectorizer(ngram_range=(1, 2)), LogisticRegression(C=0.1, max_iter=1000))
    model.fit([text(pair) for pair, _ in train], [grade == STRONG for _, grade in train])
    return lambda pairs: np.asarray(model.predict_proba([text(pair) for pair, _ in pairs])[:, 1])


def baselines(train: Sequence[GradedPair]) -> dict[str, Scorer]:
    """The baselines by name; those that learn are fitted on `train`."""
    return {
        "share of query words in the item": share_of_query_words,
        "Jaccard overlap of words": jaccard,
        "BM25": bm25,
        "logistic regression, words of the item": word_regression(train, lambda pair: pair.item),
        "logistic regression, words of the query": word_regression(train, lambda pair: pair.query),
        "logistic regression, words of both": word_regression(
            train, lambda pair: f"{' '.join('q_' + word for word in sorted(words(pair.query)))} {pair.item}"
        ),
    }


def grades_of(pairs: Sequence[GradedPair]) -> npt.NDArray[np.int64]:
    """(N,) the grades."""
    return np.array([grade for _, grade in pairs])


def strong_auc(scores: Scores, pairs: Sequence[GradedPair]) -> float:
    """Area under the ROC curve of strong against the rest; 0.5 is chance."""
    return float(roc_auc_score(grades_of(pairs) == STRONG, scores))


def best_thresholds(scores: Scores, pairs: Sequence[GradedPair]) -> tuple[float, float]:
    """The two thresholds between grades, among quantiles of the scores, with the best macro-F1."""
    cuts = np.unique(np.quantile(scores, np.linspace(0, 1, THRESHOLD_CANDIDATES)))
    choices = [(float(low), float(high)) for low, high in combinations(cuts, 2)]
    return max(choices, key=lambda cut: macro_f1(scores, pairs, cut))


def macro_f1(scores: Scores, pairs: Sequence[GradedPair], thresholds: tuple[float, float]) -> float:
    """Mean over the grades of F1, where the grade is the number of thresholds reached."""
    pairs_of_grades = 3 * grades_of(pairs) + np.digitize(scores, thresholds)
    confusion = np.bincount(pairs_of_grades, minlength=9).reshape(3, 3)
    return float(
        np.mean(2 * np.diag(confusion) / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1))
    )


def measure(corpus: InsuranceCorpus) -> dict[str, dict[str, tuple[float, float]]]:
    """(AUC strong against the rest, macro-F1) of each baseline in each test slice."""
    train = corpus.load("train")
    slices = {name: corpus.load(name) for name in SLICES}
    table = {}
    for name, scorer in baselines(train).items():
        cuts = best_thresholds(scorer(train), train)
        scored = {key: (scorer(pairs), pairs) for key, pairs in slices.items()}
        table[name] = {
            key: (strong_auc(scores, pairs), macro_f1(scores, pairs, cuts))
            for key, (scores, pairs) in scored.items()
        }
    return table


def known_facts(case: Case, kinds: Sequence[str]) -> list[bool]:
    """For each kind of fact: is it asked for and missed, is it asked for and met (neither: not asked for)."""
    other_line = case.product.line != case.request.line
    missed = {"line": np.array([other_line])} | misses(case.request, Columns([case.product]))
    return [flag for kind in kinds for flag in (_is(missed, kind, True), _is(missed, kind, False))]


def _is(missed: dict[str, npt.NDArray[np.bool_]], kind: str, value: bool) -> bool:
    return kind in missed and bool(missed[kind][0]) is value


def skills(corpus: InsuranceCorpus) -> dict[str, dict[str, float]]:
    """AUC of strong against the rest for somebody who reads some kinds of facts without fault and no others.

    The facts are taken from the generator, not from the texts: a yardstick for models, not a baseline.
    """
    cases = {name: corpus.cases(name) for name in ("train", *SLICES)}
    table = {}
    for skill, kinds in SKILLS.items():
        facts = {name: [known_facts(case, kinds) for case in found] for name, found in cases.items()}
        graded = {name: [case.graded for case in found] for name, found in cases.items()}
        model = LogisticRegression().fit(facts["train"], grades_of(graded["train"]) == STRONG)
        table[skill] = {
            name: strong_auc(np.asarray(model.decision_function(facts[name])), graded[name])
            for name in SLICES
        }
    return table


def as_markdown(table: dict[str, dict[str, tuple[float, float]]]) -> str:
    """The table, AUC / macro-F1 in each cell."""
    lines = [f"| baseline | {' | '.join(SLICES)} |", "|---|" + "---|" * len(SLICES)]
    for name, row in table.items():
        cells = [f"{auc:.3f} / {f1:.3f}" for auc, f1 in (row[key] for key in SLICES)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def skills_markdown(table: dict[str, dict[str, float]]) -> str:
    """The table of `skills`."""
    lines = [f"| facts read without fault | {' | '.join(SLICES)} |", "|---|" + "---|" * len(SLICES)]
    lines += [
        f"| {skill} | {' | '.join(f'{row[name]:.3f}' for name in SLICES)} |" for skill, row in table.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the tables for the default corpus and for a larger one."""
    for corpus in (InsuranceCorpus(), InsuranceCorpus(train=5000, test=3000)):
        print(f"train {corpus.train}, test {corpus.test}, seed {corpus.seed}\n")
        print(as_markdown(measure(corpus)), end="\n\n")
        print(skills_markdown(skills(corpus)), end="\n\n")


if __name__ == "__main__":
    main()
