import io

import pytest
from rich.console import Console
from rich.table import Table

from darl.errors import ConfigError
from darl.evaluation.table import plain_table_rows
from tests.evaluation.made import judged
from tests.evaluation.reports import report_of


@pytest.fixture(scope="module")
def report():
    return report_of(models={"plain": 0.0, "data only": -0.5, "darl": 1.0}, n=600, resamples=100)


def test_a_group_per_metric_with_each_difference_below_its_model(report):
    table = plain_table_rows(report, ["qwk", "brier"])
    assert table.headers == ["model", "labels", "in_dist", "near_ood", "far_ood"]
    models = ["  plain", "  data only", "   - plain", "  darl", "   - plain"]
    assert [row[0] for row in table.rows] == ["qwk", *models, "brier (less is better)", *models]
    assert {len(row) for row in table.rows} == {len(table.headers)}
    assert [row[1] for row in table.rows[:6]] == ["", "2600", "2600+400", "", "2600+400", ""]


def test_cells_are_the_numbers(report):
    table = plain_table_rows(report, ["qwk"])
    row = report.row_at["plain", "far_ood", "qwk"]
    low, high = (f"{end:.3f}".removeprefix("0") for end in (row.low, row.high))
    assert table.rows[1][4] == f"{row.value:.3f} [{low},{high}]"
    found = report.difference_at["darl", "far_ood", "qwk"]
    assert found.significant
    low, high = (f"{end:.3f}".removeprefix("0") for end in (found.low, found.high))
    assert table.rows[5][4] == f"{found.value:+.3f} [{low},{high}]*"
    assert table.caption == "in brackets: 95% interval over queries; * significantly different from plain"


def test_it_fits_a_terminal_of_100_columns(report):
    table = plain_table_rows(report)
    drawn = Table(*table.headers, caption=table.caption)
    for row in table.rows:
        drawn.add_row(*row)
    console = Console(width=100, file=io.StringIO())
    console.print(drawn)
    lines = console.file.getvalue().splitlines()
    # Nothing wrapped: a line per row, four of frame, one of caption.
    assert len(lines) == len(table.rows) + 5
    assert table.caption in lines[-1]


def test_what_is_undefined_is_a_dash():
    one = judged([0, 0, 1, 1], [[0.5, 0.3, 0.2]] * 4, [0, 0, 1, 1])
    table = plain_table_rows(report_of(runs={"m": {"far": [one]}}, rounds=[]), ["auc>=c", "accuracy"])
    assert table.rows[1] == ["  m", "2600", "-"]
    assert table.rows[3][2].startswith("0.500 [.000,1.000]")
    assert "different" not in table.caption


def test_an_unknown_metric_is_refused(report):
    with pytest.raises(ConfigError, match=r"expected one of macro_f1, qwk, .*, received 'f1'"):
        plain_table_rows(report, ["f1"])
