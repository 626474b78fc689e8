"""Runs of a pipeline as columns: what the page draws them from.

Times are whole ticks. For each stage its pieces in their order, with the kind as letters ("F" and "B"); its memory as
the times at which it changes and how many pieces it then keeps activations of. `sends` are the transfers of all stages.

What each run is measured by stands beside it: its bubble, what the formula says, and what the bubble would be if
transfers were free: the differences are what unequal stages and what transfers cost.

Example:
    >>> from labkit.parallel import Pipeline
    >>> made = run_columns(Pipeline(stages=2, microbatches=2).run("gpipe"), 0.5)
    >>> made["stages"][1]["kind"], made["stages"][1]["start"], made["stages"][1]["held"]
    ('FFBB', [2, 4, 6, 10], [0, 1, 2, 1, 0])
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from labkit.parallel.pipeline import PipelineRun, bubble_share
from labkit.simulator.memory import MemoryCurve
from labkit_widgets.columns import pack

_SENT = re.compile(r"stage_(\d+)/(?:chunk_(\d+)/)?(forward|backward)_(\d+)/receive")


def encode(runs: Sequence[PipelineRun], **about: Any) -> bytes:
    """One run, or two to compare, with what is to be known about them, compressed."""
    tick = (max(run.seconds for run in runs) or 1.0) / 1e7
    pipeline = runs[0].pipeline
    return pack({
        "tick": tick, "names": list(runs[0].devices), "forward": pipeline.seconds_of(backward=False),
        "backward": pipeline.seconds_of(backward=True), "kept": pipeline.bytes_of(),
        "counts": all(size == 1.0 for size in pipeline.bytes_of()), "microbatches": pipeline.microbatches,
        "runs": [run_columns(run, tick) for run in runs], **about,
    })  # fmt: skip


def run_columns(run: PipelineRun, tick: float) -> dict[str, Any]:
    """One run."""
    return {
        "schedule": run.schedule, "chunks": run.chunks, "seconds": run.seconds, "bubble": run.bubble,
        "formula": bubble_share(run.pipeline.stages, run.pipeline.microbatches, run.chunks),
        "free": free_bubble(run), "busy": list(run.busy_seconds),
        "stages": [_stage(run, stage, curve, tick) for stage, curve in enumerate(run.memory.values())],
        "sends": _sends(run, tick),
    }  # fmt: skip


def free_bubble(run: PipelineRun) -> float:
    """The bubble of the same run if transfers were free."""
    if not any(run.pipeline.transfers_of()):
        return run.bubble
    return dataclasses.replace(run.pipeline, transfer=0.0).run(run.schedule, run.chunks).bubble


def peaks(run: PipelineRun) -> list[float]:
    """For each stage the most bytes that it keeps."""
    return [curve.peak for curve in run.memory.values()]


def _stage(run: PipelineRun, stage: int, curve: MemoryCurve, tick: float) -> dict[str, Any]:
    events, order = run.of_stage(stage), run.orders[stage]
    size = run.pipeline.bytes_of()[stage] / run.chunks
    return {
        "kind": "".join("FB"[piece.backward] for piece in order), "microbatch": [piece.microbatch for piece in order],
        "chunk": [piece.chunk for piece in order], "start": [round(event.start_seconds / tick) for event in events],
        "end": [round(event.end_seconds / tick) for event in events],
        "at": [round(at / tick) for at in curve.seconds],
        "held": [round(held / size) if size else 0 for held in curve.bytes],
    }  # fmt: skip


def _sends(run: PipelineRun, tick: float) -> dict[str, Any]:
    p = run.pipeline.stages
    made: dict[str, Any] = {"kind": "", "from": [], "to": [], "microbatch": [], "start": [], "end": []}
    for event in run.trace.events:
        found = _SENT.fullmatch(event.node)
        if found is None:
            continue
        to, back = int(found[1]), found[3] == "backward"
        made["kind"] += "FB"[back]
        made["from"].append((to + (1 if back else -1)) % p)
        made["to"].append(to)
        made["microbatch"].append(int(found[4]))
        made["start"].append(round(event.start_seconds / tick))
        made["end"].append(round(event.end_seconds / tick))
    return made
