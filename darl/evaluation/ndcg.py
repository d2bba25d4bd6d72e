"""nDCG@10: how well the score sorts the items of each query.

    DCG@10 = sum over ranks r = 1..10 of gain_r / log2(r + 1),   nDCG@10 = DCG@10 / ideal DCG@10

computed by ir-measures: the gain is the grade index, the ideal order is that of the judged items of the
slice, and the value is the mean over queries; 0 to 1. A query without an item above grade 0 has no
ideal order: it is left out, and the report says how many were.

Equal scores are ordered by a hash of (query_id, item_id): the same on every machine and blind to the
order of the file, to the ids' own order (corpora often list relevant items first) and to the grades.

Reference: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4),
2002; MacAvaney, Macdonald and Ounis, Streamlining evaluation with ir-measures, 2021, arXiv 2111.13466.
"""

from __future__ import annotations

from hashlib import blake2b

import ir_measures
import numpy as np
import numpy.typing as npt
from ir_measures import Qrel, ScoredDoc, nDCG

from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, Statistic, query_sums, ratio
from darl.predictions import FloatArray


def _hashed(query_id: str, item_id: str) -> int:
    return int.from_bytes(blake2b(f"{query_id}\0{item_id}".encode(), digest_size=8).digest())


def _best_first(judged: Judged) -> npt.NDArray[np.intp]:
    """(N,) the pairs by query and falling score; equals by hash, and a pair that is listed twice by grade."""
    queries, scores = judged.query_rows, judged.scores
    order = np.lexsort((-scores, queries))
    equal = (np.diff(queries[order]) == 0) & (np.diff(scores[order]) == 0)
    hashes = np.zeros(len(judged), dtype=np.uint64)
    for row in order[np.append(equal, False) | np.append(False, equal)]:
        hashes[row] = _hashed(judged.query_ids[row], judged.item_ids[row])
    return np.lexsort((judged.grades, hashes, -scores, queries))


def _with_relevant(judged: Judged) -> npt.NDArray[np.bool_]:
    """(Q,) whether a query has an item above grade 0."""
    return np.asarray(judged.sum_by_query((judged.grades > 0).astype(np.int64), 2)[1] > 0)


def ndcg_by_query(judged: Judged) -> FloatArray:
    """(Q,) nDCG@10 of each query; NaN where it has no item above grade 0."""
    known = _with_relevant(judged)[judged.query_rows]
    qrels, run = [], []
    # Ranks go in as scores: trec_eval keeps scores in 32 bits, which would make new ties.
    for rank, row in enumerate(_best_first(judged)):
        if known[row]:
            query = str(judged.query_rows[row])
            qrels.append(Qrel(query, str(row), int(judged.grades[row])))
            run.append(ScoredDoc(query, str(row), float(-rank)))
    values = np.full(judged.n_queries, np.nan)
    for measured in ir_measures.iter_calc([nDCG @ 10], qrels, run):
        values[int(measured.query_id)] = measured.value
    return values


def _statistic(judged: Judged) -> Statistic:
    """Sums (2, R): the total of nDCG@10 and the number of queries that have one."""
    values = ndcg_by_query(judged)
    return query_sums(np.stack([np.nan_to_num(values), np.isfinite(values).astype(np.float64)]))


def _n(judged: Judged) -> int:
    return int(_with_relevant(judged).sum())


def _undefined(judged: Judged) -> str:
    return "" if _n(judged) else "no query has an item above the lowest grade"


def _left_out(judged: Judged) -> str:
    missing = judged.n_queries - _n(judged)
    if not missing:
        return ""
    return f"{missing} of {judged.n_queries} queries have no relevant item and are left out"


NDCG = Metric(
    name="ndcg@10",
    title="nDCG@10",
    meaning="How well each query's items are sorted, gain = grade index, mean over queries; 0 to 1.",
    statistic=_statistic,
    from_sums=lambda sums: ratio(sums[0], sums[1]),
    undefined=_undefined,
    left_out=_left_out,
    n=_n,
)
