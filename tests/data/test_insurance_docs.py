import re
from pathlib import Path

from darl.data.insurance.corpus import InsuranceCorpus

PAGE = (Path(__file__).parents[2] / "docs" / "insurance.md").read_text(encoding="utf-8")


def rows(heading):
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in cells]


def test_the_examples_are_pairs_of_the_default_corpus():
    corpus = InsuranceCorpus()
    told = {
        (name, case.graded.pair.query, case.graded.pair.item, *case.reason.split(": ", 1))
        for name in corpus.slices
        for case in corpus.cases(name)
    }
    examples = [tuple(row) for row in rows("Examples")[1:]]
    assert len(examples) >= 8
    assert {example[3] for example in examples} == set(corpus.grade_scale.names)
    assert set(examples) <= told


def test_the_grade_mix_is_that_of_the_default_corpus():
    corpus = InsuranceCorpus()
    for name, n_pairs, n_queries, *shares in [row for row in rows("Slices") if len(row) == 6][1:]:
        pairs = corpus.load(name)
        assert (int(n_pairs), int(n_queries)) == (len(pairs), len({pair.query_id for pair, _ in pairs}))
        grades = [grade for _, grade in pairs]
        assert shares == [f"{grades.count(grade) / len(grades):.1%}" for grade in range(3)]
