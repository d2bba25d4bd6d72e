"""How much of a whole job is told to be done."""

from darl.pipeline.work import Part, Work
from darl.progress import Silent


class Told(Silent):
    """Keeps what it is told."""

    def __init__(self):
        self.shares, self.lines = [], []

    def message(self, text):
        self.lines.append(text)

    def overall(self, done, total):
        self.shares.append(done / total)


def test_tasks_are_weighed_by_what_they_cost():
    told = Told()
    work = Work(told, total=20)
    for unit in ("pairs", "training pairs", "B"):
        work.start("x", 5, unit)
        work.advance(5)
        work.finish()
    assert told.shares == [0.25, 1.0]  # 5 of 20, then 15 more; bytes are not of the job


def test_what_a_task_did_not_need_is_done():
    told = Told()
    work = Work(told, total=30)
    work.start("x", 10, "training pairs")
    work.advance(4)
    work.finish()
    assert told.shares[-1] == 1.0


def test_several_runs_are_told_as_one():
    told = Told()
    for place in range(2):
        work = Work(Part(told, place, 2), total=[10, 40][place])  # each counts the same
        work.start("x", 5, "pairs")
        work.advance(5)
        work.finish()
        work.message("read")
    assert told.shares == [0.25, 0.5 + 0.125 / 2]
    assert told.lines == ["read", "read"]
