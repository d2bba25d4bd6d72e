"""Run the benchmark: python -m benchmarks.engine --help."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.engine.options import parse, settle_environment


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the chosen sections and write them."""
    options = parse(arguments)
    settle_environment(options.device)
    from benchmarks.engine.sections import measure
    from darl.errors import DarlError

    try:
        measure(options, list(sys.argv[1:] if arguments is None else arguments))
    except DarlError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
