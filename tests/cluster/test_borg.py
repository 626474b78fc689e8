"""The scheduler against brute force on small cells, hand-computed preemptions, and what must never happen."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.cluster.borg import Borg
from labkit.cluster.cell import POLICIES, Cell, CellError, Constraint, Machine, Resources
from labkit.cluster.compaction import smallest_cell
from labkit.cluster.jobs import BANDS, Job, QuotaError, sample_jobs

GIB = 1 << 30
RANK = {band: i for i, band in enumerate(BANDS)}


def cell_of(*sizes: tuple[int, ...], racks: int = 1) -> Cell:
    return Cell([Machine(f"m{i}", Resources(*size), f"rack{i % racks}") for i, size in enumerate(sizes)])


def placed(borg: Borg) -> list[tuple[str, int, str]]:
    return [(e.job, e.task, e.machine) for e in borg.events if e.kind == "schedule"]


def replay(borg: Borg, jobs: list[Job]) -> None:
    """Reads the events alone, and checks that no task is lost or doubled and no machine holds too much, ever."""
    by_name = {job.name: job for job in jobs}
    capacity = {m.name: m.capacity for m in borg.cell.machines}
    free = {name: list(has) for name, has in capacity.items()}
    alive = dict.fromkeys(capacity, True)
    waiting: set[tuple[str, int]] = set()
    running: dict[tuple[str, int], str] = {}
    finished: set[tuple[str, int]] = set()
    clock = 0.0
    for event in borg.events:
        assert event.seconds >= clock
        clock, key = event.seconds, (event.job, event.task)
        if event.kind == "submit":
            waiting |= {(event.job, i) for i in range(by_name[event.job].tasks)}
        elif event.kind == "schedule":
            waiting.remove(key)
            running[key] = event.machine
            assert alive[event.machine]
            free[event.machine] = [f - c for f, c in zip(free[event.machine], by_name[event.job].charge, strict=True)]
            assert min(free[event.machine]) >= 0
        elif event.kind in ("preempt", "lost", "finish"):
            assert running.pop(key) == event.machine
            free[event.machine] = [f + c for f, c in zip(free[event.machine], by_name[event.job].charge, strict=True)]
            (finished if event.kind == "finish" else waiting).add(key)
        elif event.kind in ("fail", "repair"):
            alive[event.machine] = event.kind == "repair"
    assert running == borg.placement()
    assert {name: sum(job == name for job, _ in waiting) for name, _ in waiting} == borg.pending()
    assert [free[name] for name in borg.cell.names] == borg.cell.free.tolist()
    assert not any(not alive[machine] for machine in running.values())


# Against brute force.

small = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 6), st.integers(0, 3))
bands = st.sampled_from(list(BANDS))


def cost_by_hand(m: int, free: list[list[int]], sizes: list[tuple[int, ...]], ask: Resources, policy: str) -> float:
    """The three formulas, one machine at a time, without NumPy."""
    which = [r for r in range(3) if any(size[r] for size in sizes)]
    largest = [max(1, *(size[r] for size in sizes)) for r in range(3)]
    unit = [max(sizes[m][r], 1) for r in range(3)] if policy == "worst_fit" else largest
    before = [free[m][r] / unit[r] for r in which]
    after = [(free[m][r] - ask[r]) / unit[r] for r in which]
    if policy == "worst_fit":
        n = max(len(sizes), 2)
        return sum(n ** (1 - a) - n ** (1 - b) for a, b in zip(after, before, strict=True))
    uneven = [sum((x - sum(left) / len(left)) ** 2 for x in left) for left in (after, before)]
    return sum(after) + (64 * (uneven[0] - uneven[1]) if policy == "hybrid" else 0)


@settings(max_examples=40)
@given(
    st.lists(small, min_size=1, max_size=6), st.lists(st.tuples(small, bands), max_size=12), st.sampled_from(POLICIES)
)
def test_one_task_at_a_time_it_chooses_what_brute_force_chooses(machines, asks, policy):
    """All machines looked at, no spread: feasibility, the cheapest machine, and the best victims are found."""
    cell = cell_of(*machines)
    borg = Borg(cell, policy, candidates=None, spread=0.0)
    jobs: dict[str, Job] = {}
    for i, (ask, band) in enumerate(asks):
        before, where = cell.free.tolist(), dict(borg.placement())
        jobs[f"j{i}"] = job = Job(f"j{i}", "ada", band, 1, Resources(*ask))
        fits_empty = [all(a <= h for a, h in zip(ask, has, strict=True)) for has in machines]
        if not any(fits_empty):
            with pytest.raises(CellError, match=f'job "j{i}" asks for'):
                borg.submit(job)
            continue
        borg.submit(job)
        mark = len(borg.events)
        borg.run()
        happened = borg.events[mark:]
        room = [m for m, free in enumerate(before) if all(a <= f for a, f in zip(ask, free, strict=True))]
        costs = {m: cost_by_hand(m, before, machines, job.request, policy) for m in room}
        mine = next((e for e in happened if e.kind == "schedule" and e.job == job.name), None)
        killed = [e for e in happened if e.kind == "preempt" and e.why == f"for {job.name}"]
        if room:
            assert mine is not None
            assert not killed
            assert costs[cell.index[mine.machine]] <= min(costs.values()) + 1e-9
            continue
        plans = []  # (highest priority lost, machine, who) of every set of lower-band tasks whose end makes room
        for m, free in enumerate(before):
            lower = [key for key, name in where.items() if name == f"m{m}" and jobs[key[0]].rank < job.rank]
            for size in range(1, len(lower) + 1):
                for who in combinations(lower, size):
                    gained = [f + sum(jobs[k].charge[r] for k, _ in who) for r, f in enumerate(free)]
                    if all(a <= g for a, g in zip(ask, gained, strict=True)):
                        plans.append((max(jobs[k].priority for k, _ in who), m, frozenset(who)))
        assert (mine is not None) == bool(plans)
        if mine is not None:
            chosen = frozenset((e.job, e.task) for e in killed)
            here = [who for _, m, who in plans if f"m{m}" == mine.machine]
            assert max(jobs[k].priority for k, _ in chosen) == min(plan[0] for plan in plans)
            assert chosen in here
            assert not any(who < chosen for who in here)  # nobody goes needlessly
    replay(borg, list(jobs.values()))


jobs_drawn = st.lists(
    st.tuples(small, bands, st.integers(1, 5), st.sampled_from([None, 3.0, 10.0]), st.integers(0, 20)), max_size=12
)
failures = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30), st.sampled_from([None, 4.0])), max_size=5)


@settings(max_examples=40)
@given(st.lists(small, min_size=5, max_size=5), jobs_drawn, failures, st.sampled_from([None, 1, 3]), st.integers(0, 9))
def test_no_task_is_lost_or_doubled_and_nothing_is_over_committed(machines, drawn, failing, candidates, seed):
    def run() -> Borg:
        borg = Borg(cell_of(*machines, (12, 12, 6, 3), racks=2), candidates=candidates, seed=seed)
        for job in jobs:
            borg.submit(job)
        for machine, at, repair in failing:
            borg.fail(f"m{machine}", at, repair)
        borg.run(200.0)
        return borg

    jobs = [
        Job(f"j{i}", f"u{i % 3}", band, tasks, Resources(*ask), seconds=seconds, submit_seconds=at)
        for i, (ask, band, tasks, seconds, at) in enumerate(drawn)
    ]
    borg = run()
    replay(borg, jobs)
    again = run()
    assert (borg.events, borg.samples) == (again.events, again.samples)  # the same seed, the same run
    for name, waiting in borg.pending().items():  # who waits has no room: seen without the scheduler's shortcuts
        job = next(job for job in jobs if job.name == name)
        assert waiting > 0
        assert not borg.cell.feasible(job.charge).any()
    for e in borg.events:
        if e.kind == "preempt":
            winner = next(job for job in jobs if f"for {job.name}" == e.why)
            loser = next(job for job in jobs if job.name == e.job)
            assert RANK[loser.band] < RANK[winner.band]


# By hand.


def test_the_lowest_priority_goes_first_and_production_never_for_production():
    borg = Borg(cell_of((4000, 4 * GIB)))
    one = Resources(1000, GIB)
    borg.submit(Job("service", "ada", "production", 1, one))
    borg.submit(Job("sort", "ada", "batch", 1, one))
    borg.submit(Job("crawl", "ada", "free", 2, one))
    borg.run()
    borg.submit(Job("urgent", "bob", "production", 3, one, priority=300))
    borg.run()
    kills = [(e.job, e.task, e.why) for e in borg.events if e.kind == "preempt"]
    assert kills == [("crawl", 1, "for urgent"), ("crawl", 0, "for urgent"), ("sort", 0, "for urgent")]
    borg.submit(Job("more", "bob", "production", 1, one, priority=359))
    borg.run()
    assert borg.pending() == {"more": 1, "sort": 1, "crawl": 2}
    borg.submit(Job("probe", "ops", "monitoring", 1, one))
    borg.run()
    # Of the production tasks, the one of the lowest priority.
    assert [(e.job, e.why) for e in borg.events if e.kind == "preempt"][-1] == ("service", "for probe")


def test_who_frees_nothing_that_is_needed_is_spared():
    """Memory is short: the free task comes first by priority, yet its end is not needed once the large one goes."""
    borg = Borg(cell_of((4000, 8 * GIB)))
    borg.submit(Job("tiny", "ada", "free", 1, Resources(100, 0)))
    borg.submit(Job("large", "ada", "batch", 1, Resources(100, 8 * GIB)))
    borg.run()
    borg.submit(Job("web", "bob", "production", 1, Resources(100, 8 * GIB)))
    borg.run()
    assert [(e.job, e.machine) for e in borg.events if e.kind == "preempt"] == [("large", "m0")]


def test_the_machine_whose_victims_matter_least_is_chosen():
    borg = Borg(cell_of((1000, GIB), (1000, GIB)), candidates=None)
    borg.submit(Job("batch", "ada", "batch", 1, Resources(1000, GIB)))
    borg.run()
    borg.submit(Job("free", "ada", "free", 1, Resources(1000, GIB)))
    borg.run()
    borg.submit(Job("web", "ada", "production", 1, Resources(1000, GIB)))
    borg.run()
    assert [e.job for e in borg.events if e.kind == "preempt"] == ["free"]


def test_the_three_policies_on_a_case_computed_by_hand():
    """Two like machines, one half full: best fit fills it up, worst fit takes the empty one."""
    for policy, machine in (("best_fit", "m0"), ("worst_fit", "m1"), ("hybrid", "m0")):
        borg = Borg(cell_of((4000, 4 * GIB, 4), (4000, 4 * GIB, 4)), policy, candidates=None)
        borg.submit(Job("first", "ada", "batch", 1, Resources(2000, 2 * GIB, 2)))
        borg.run()
        borg.submit(Job("second", "ada", "batch", 1, Resources(1000, GIB, 1)))
        borg.run()
        assert placed(borg)[-1] == ("second", 0, machine)


def test_limits_count_for_production_requests_for_batch():
    ask, most = Resources(1000, GIB), Resources(2000, 2 * GIB)
    for band, running in (("batch", 4), ("production", 2)):
        borg = Borg(cell_of((4000, 4 * GIB)))
        borg.submit(Job("job", "ada", band, 5, ask, limit=most))
        borg.run()
        assert len(borg.placement()) == running


def test_a_job_is_spread_over_machines_and_racks():
    borg = Borg(Cell([Machine(f"m{i}", Resources(8000, 8 * GIB), f"rack{i // 2}") for i in range(8)]), "best_fit")
    borg.submit(Job("web", "ada", "production", 4, Resources(1000, GIB)))
    borg.run()
    rack = {m.name: m.rack for m in borg.cell.machines}
    assert len({rack[machine] for machine in borg.placement().values()}) == 4
    borg.fail_rack("rack0", at_seconds=5.0, repair_seconds=10.0)
    borg.run(5.0)
    assert sorted(e.kind for e in borg.events if e.seconds == 5.0) == ["fail", "fail", "lost", "schedule"]
    assert "rack0" not in {rack[machine] for machine in borg.placement().values()}
    borg.run()
    assert [e.machine for e in borg.events if e.kind == "repair"] == ["m0", "m1"]


def test_a_longer_failure_outlives_the_repair_of_a_shorter_one():
    borg = Borg(cell_of((1000, GIB)))
    borg.submit(Job("job", "ada", "batch", 1, Resources(1000, GIB), seconds=100))
    borg.fail("m0", 10.0, 20.0)
    borg.fail("m0", 15.0, 50.0)
    borg.run()
    times = [(e.seconds, e.kind) for e in borg.events if e.kind in ("fail", "repair", "finish")]
    assert times == [(10.0, "fail"), (65.0, "repair"), (165.0, "finish")]  # the work starts over


def test_constraints_hard_and_soft():
    machines = [
        Machine(f"m{i}", Resources(4000, GIB), attributes={"arch": arch}) for i, arch in enumerate(("x86", "arm"))
    ]
    borg = Borg(Cell(machines), "worst_fit")
    borg.submit(Job("hard", "a", "batch", 1, Resources(1000, 1), constraints=(Constraint("arch", "arm"),)))
    borg.submit(Job("soft", "a", "batch", 5, Resources(1000, 1), constraints=(Constraint("arch", "x86", True, False),)))
    borg.submit(Job("not", "a", "batch", 9, Resources(1000, 1), constraints=(Constraint("arch", "x86", False),)))
    borg.run()
    where = borg.placement()
    assert where["hard", 0] == "m1"
    assert [where["soft", i] for i in range(4)] == ["m0"] * 4
    assert {machine for (job, _), machine in where.items() if job == "not"} <= {"m1"}
    assert borg.why_pending("hard") == 'no task of job "hard" waits.'
    assert borg.why_pending("not").endswith(
        "of 2 machines 0 are dead, 1 break its constraints, 1 are left. Of these: 1 too few milli-cores of CPU."
    )


def test_users_of_one_priority_take_turns():
    borg = Borg(cell_of((2000, GIB)))
    for name, user in (("a1", "ada"), ("a2", "ada"), ("b1", "bob")):
        borg.submit(Job(name, user, "batch", 1, Resources(1000, 1)))
    borg.run()
    assert [job for job, _, _ in placed(borg)] == ["a1", "b1"]


def test_passes_may_be_periodic():
    borg = Borg(cell_of((2000, GIB)), pass_seconds=10.0)
    borg.submit(Job("a", "ada", "batch", 1, Resources(1000, 1), submit_seconds=3.0))
    borg.run()
    assert [(e.seconds, e.kind) for e in borg.events] == [(3.0, "submit"), (10.0, "schedule")]


def test_quota_is_held_until_the_job_ends_and_later_arrivals_are_rejected():
    borg = Borg(cell_of((8000, 8 * GIB)), quota={("ada", "batch"): Resources(2000, 2 * GIB)})
    two = Resources(1000, GIB)
    borg.submit(Job("first", "ada", "batch", 2, two, seconds=10))
    with pytest.raises(
        QuotaError, match=r'"second" asks for 1000 milli-cores.*"ada" may hold 2000 there and holds 2000'
    ):
        borg.submit(Job("second", "ada", "batch", 1, two))
    borg.submit(Job("third", "ada", "batch", 1, two, submit_seconds=5))
    borg.submit(Job("fourth", "ada", "batch", 2, two, submit_seconds=20))
    borg.submit(Job("endless", "ada", "free", 6, two))  # the free band has no quota
    with pytest.raises(QuotaError, match='"bob" may hold 0 there'):
        borg.submit(Job("none", "bob", "production", 1, two))
    borg.run()
    assert [e.job for e in borg.events if e.kind == "reject"] == ["third"]
    assert [e.job for e in borg.events if e.kind == "submit"] == ["first", "endless", "fourth"]


def test_utilisation_and_stranded_resources_by_hand():
    """m0 has no CPU left, so its 3 GiB are stranded; m1 is empty."""
    borg = Borg(cell_of((1000, 4 * GIB), (1000, 4 * GIB)), candidates=None)
    borg.submit(Job("hog", "ada", "batch", 1, Resources(1000, GIB)))
    borg.run()
    sample = borg.samples[-1]
    assert sample[:4] == (0.0, 1, 0, 2)
    assert sample.used == (0.5, 0.125, 0.0, 0.0)
    assert sample.stranded == (0.0, 0.375, 0.0, 0.0)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=7), st.sampled_from(POLICIES))
def test_compaction_is_never_below_the_true_optimum(sizes, policy):
    def bins(left: list[int], free: tuple[int, ...]) -> int:
        """Bin packing by trying everything; bins of 4."""
        if not left:
            return len(free)
        size, *rest = left
        options = [bins(rest, tuple(sorted((*free, 4 - size))))]
        for i, room in enumerate(free):
            if room >= size:
                options.append(bins(rest, tuple(sorted((*free[:i], room - size, *free[i + 1 :])))))
        return min(options)

    machines = [Machine(f"m{i}", Resources(4, 4)) for i in range(8)]
    jobs = [Job(f"j{i}", "ada", "batch", 1, Resources(size, 0)) for i, size in enumerate(sizes)]
    found = smallest_cell(machines, jobs, policy, trials=3)
    assert bins(sizes, ()) <= found.machines[0]
    assert found.of == 8
    assert found.percentile_90 == found.machines[-1] <= len(sizes)


def test_a_larger_cell_over_time_with_a_rack_failure():
    jobs = sample_jobs(5000, seed=1, arrive_seconds=300.0)
    borg = Borg(Cell.sample(400), seed=1, pass_seconds=30.0)
    for job in jobs:
        borg.submit(job)
    borg.fail_rack("rack3", 200.0, 100.0)
    borg.run(1200.0)
    replay(borg, jobs)
    assert borg.counts["reused"] > 0
    assert [s.machines for s in borg.samples if 210 <= s.seconds < 300] == [360, 360, 360]
    assert np.isfinite([s.used for s in borg.samples]).all()


# Errors.


def test_mistakes_are_told():
    cell = cell_of((4000, 8 * GIB), (8000, 4 * GIB))
    borg, one = Borg(cell), Resources(1000, GIB)
    with pytest.raises(CellError, match=r'asks for 9000 milli-cores of CPU; the largest machine .*"m1", has 8000\.'):
        borg.submit(Job("big", "ada", "batch", 1, Resources(9000, GIB)))
    with pytest.raises(CellError, match=r'"m0", has 8589934592'):
        borg.submit(Job("big", "ada", "batch", 1, Resources(1000, 9 * GIB)))
    with pytest.raises(CellError, match="each alone is somewhere, all on no machine"):
        borg.submit(Job("big", "ada", "batch", 1, Resources(8000, 8 * GIB)))
    with pytest.raises(CellError, match='no machine is as job "odd" demands: arch is arm'):
        borg.submit(Job("odd", "ada", "batch", 1, one, constraints=(Constraint("arch", "arm"),)))
    borg.submit(Job("twice", "ada", "batch", 1, one))
    with pytest.raises(CellError, match='there is a job "twice" already'):
        borg.submit(Job("twice", "ada", "batch", 1, one))
    with pytest.raises(CellError, match=r'unknown band "prod"(.|\n)*free, batch, production, monitoring'):
        Job("x", "ada", "prod", 1, one)
    with pytest.raises(CellError, match='priority 200; band "batch" goes from 100 to 119'):
        Job("x", "ada", "batch", 1, one, priority=200)
    with pytest.raises(CellError, match="has 0 tasks"):
        Job("x", "ada", "batch", 0, one)
    with pytest.raises(CellError, match=r"has -1 milli-cores"):
        Job("x", "ada", "batch", 1, Resources(-1, 0))
    with pytest.raises(CellError, match="below its request"):
        Job("x", "ada", "batch", 1, one, limit=Resources(1, 1))
    with pytest.raises(CellError, match="runs for 0 seconds"):
        Job("x", "ada", "batch", 1, one, seconds=0)
    with pytest.raises(CellError, match="arrives at -1 seconds"):
        Job("x", "ada", "batch", 1, one, submit_seconds=-1)
    with pytest.raises(CellError, match='no policy "first_fit"'):
        Borg(cell, "first_fit")
    with pytest.raises(CellError, match='no policy "first_fit"'):
        cell.costs(one, "first_fit")
    with pytest.raises(CellError, match="0 candidates"):
        Borg(cell, candidates=0)
    with pytest.raises(CellError, match="spread is -1"):
        Borg(cell, spread=-1)
    with pytest.raises(CellError, match="pass_seconds"):
        Borg(cell, pass_seconds=-1)
    with pytest.raises(CellError, match='the unknown band "gold"'):
        Borg(cell, quota={("ada", "gold"): one})
    with pytest.raises(CellError, match='no machine "m9"'):
        borg.fail("m9")
    with pytest.raises(CellError, match='no rack "r"'):
        borg.fail_rack("r")
    with pytest.raises(CellError, match="a failure at -1"):
        borg.fail("m0", -1)
    with pytest.raises(CellError, match='no job "nobody"'):
        borg.why_pending("nobody")
    with pytest.raises(CellError, match='two machines are named "a"'):
        Cell([Machine("a", one), Machine("a", one)])
    with pytest.raises(CellError, match="no machine"):
        Cell([])
    with pytest.raises(CellError, match="0 machines"):
        Cell.sample(0)
    with pytest.raises(CellError, match=r"\d tasks do not fit into the whole cell of 2 machines"):
        smallest_cell(cell.machines, [Job("many", "ada", "batch", 17, one)], candidates=None)
    with pytest.raises(CellError, match="0 trials"):
        smallest_cell(cell.machines, [], trials=0)
