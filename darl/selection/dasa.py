"""The default: what is new, as traffic has it."""

from __future__ import annotations

from darl.selection.ood_sampling import OODSampling


class Dasa(OODSampling):
    """`OODSampling` with the settings that measured best: our reading of DASA's selection.

    The paper (Liu et al. 2024, arXiv 2412.12504) picks, by out-of-distribution detection, samples that the
    training set does not cover; its abstract says no more. What was measured (docs/results/dasa.md) speaks
    for asking little of the detector:

    * random labels are hard to beat, and extremes, few queries or one grade go with losses: so pairs are
      *drawn*, as traffic has them, and a detector that sees nothing leaves a random draw;
    * labels on familiar traffic teach too, also for what is new: so a share of the draw goes on regardless;
    * many queries teach more than many items of one: so a query's pairs weigh less once others of it are
      drawn. There is no cap: it kept new traffic of few queries behind all that is familiar.

    It has no filter for junk: `WithoutJunk` took rare new traffic for junk where the usual traffic is dense
    (on the insurance corpus four fifths of the new pairs in a pool with 5 % of them). Put it around this
    strategy where traffic is dirty.

    Args:
        explore: See `OODSampling`.
        spread: See `OODSampling`.

    Raises:
        ValueError: An argument outside its range.
    """
