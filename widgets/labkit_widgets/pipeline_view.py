"""`PipelineView`: who does what when in a pipeline, who waits, and what each stage must keep.

Example:
    >>> import labkit as tf
    >>> import labkit_widgets as lw
    >>> pipeline = tf.parallel.Pipeline(stages=4, microbatches=8)
    >>> view = lw.PipelineView(pipeline, "gpipe")
    >>> view
    <PipelineView: 4 stages, 8 microbatches; GPipe: 33.0 s, bubble 27.3% (formula 27.3%), keeps at most 8 microbatches>
    >>> view.change(schedule="interleaved", chunks=2).runs[0].seconds
    28.5

The kernel runs the schedule (`labkit.parallel.Pipeline.run`); the page gets its events as columns in one trait and
plays them without the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from labkit.cluster import ClusterError
from labkit.parallel.pipeline import Pipeline, PipelineRun
from labkit_widgets import pipeline_picture
from labkit_widgets.pipeline_columns import encode, peaks
from labkit_widgets.pipeline_settings import DEFAULTS, Desk
from labkit_widgets.trace_picture import counted
from labkit_widgets.view import View


class PipelineView(View):
    """Stages over time: forwards, backwards, waiting, transfers; the bubble beside its formula; memory below.

    Args:
        pipeline: the stages and their times: a `tf.parallel.Pipeline`, made by hand or from a graph with `Pipeline.of`.
        schedule: "forward", "gpipe", "1f1b" or "interleaved".
        other: a second schedule, drawn below on the same time axis; "" for none.
        chunks: the chunks of a stage, for "interleaved".
        slow: the number of a stage that is slower than it was given; -1 for none.
        factor: how many times slower.
        transfer: seconds from stage to stage instead of those of the pipeline.

    Attributes:
        settings: what is chosen, in the page or here; `change` changes it.
        time: the moment that is looked at, in seconds.

    Raises:
        TypeError: if `pipeline` is something else.
        ClusterError: if a setting cannot be, alone or with the others.

    Example:
        >>> import labkit as tf
        >>> import labkit_widgets as lw
        >>> view = lw.PipelineView(tf.parallel.Pipeline(4, 8), "gpipe", other="1f1b")
        >>> [run.seconds for run in view.runs]
        [33.0, 33.0]
    """

    _kind = "PipelineView"

    data = traitlets.Bytes().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    time = traitlets.Float(0.0, min=0.0).tag(sync=True)

    def __init__(
        self, pipeline: Pipeline, schedule: str = "1f1b", *, other: str = "", chunks: int = 1, slow: int = -1,
        factor: float = 2.0, transfer: float | None = None, **traits: Any,
    ) -> None:  # fmt: skip
        if not isinstance(pipeline, Pipeline):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise TypeError(
                f"a PipelineView shows a tf.parallel.Pipeline, not {type(pipeline).__name__}.\n"
                "  Try: PipelineView(tf.parallel.Pipeline(stages=4, microbatches=8)); of a graph "
                'tf.parallel.Pipeline.of(train, {x: [1024, 784]}, ["layer_0", "layer_1"]); of a run run.pipeline.'
            )
        self._desk = Desk(pipeline)
        first = {"schedule": schedule, "other": other or "", "chunks": chunks, "slow": slow, "factor": factor}
        settings = self._desk.checked({**first, "transfer": transfer})
        super().__init__(settings=settings, **traits)
        self._show(settings)

    @property
    def runs(self) -> list[PipelineRun]:
        """What is shown: one run, or two."""
        return list(self._runs)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline as the settings have it."""
        return self._runs[0].pipeline

    def change(self, **settings: Any) -> PipelineView:
        """Changes settings, as the controls in the page do.

        Args:
            **settings: any of schedule, other, stages, microbatches, chunks, slow, factor, transfer.

        Returns:
            This view.

        Raises:
            TypeError: for another name.
            ClusterError: if they cannot be together.

        Example:
            >>> import labkit as tf
            >>> import labkit_widgets as lw
            >>> lw.PipelineView(tf.parallel.Pipeline(2, 2)).change(microbatches=6).pipeline.microbatches
            6
        """
        shown = [settings.get(name, self.settings[name]) for name in ("schedule", "other")]
        if "interleaved" not in shown:
            settings.setdefault("chunks", 1)  # what was left over from an interleaved one
        self._show(self._desk.checked(settings, self.settings))
        return self

    def describe(self) -> str:
        """How many stages and microbatches, and what came out."""
        pipeline = self.pipeline
        there = f"{counted(pipeline.stages, 'stage')}, {pipeline.microbatches} microbatch"
        there += "es" * (pipeline.microbatches > 1)
        lines = [f"{pipeline_picture.title(run)}, keeps at most {self._most(run)}" for run in self._runs]
        return "; ".join([there, *lines])

    def picture(self) -> str:
        """The bars of each stage over time, and what it keeps."""
        return pipeline_picture.picture(self._runs)

    def outline(self) -> list[Any]:
        """Stage by stage what was done, in order."""
        return pipeline_picture.outline(self._runs)

    def _most(self, run: PipelineRun) -> str:
        found = peaks(run)
        stage = max(range(len(found)), key=found.__getitem__)
        return pipeline_picture.kept(run, stage, found[stage])

    def _show(self, settings: dict[str, Any]) -> None:
        runs = self._desk.runs(settings)
        if not all(run.seconds for run in runs):
            raise ClusterError("no stage takes any time: there is nothing to see.", "forward=1.0.")
        self._runs = runs
        devices, costed = self._desk.costed(settings["microbatches"])
        data = encode(
            self._runs, choices={
                "stages": self._desk.stages, "microbatches": self._desk.microbatches,
            }, given=self._desk.given_transfer(settings), devices=devices, costed=costed,
        )  # fmt: skip
        with self.hold_sync():
            self.time = 0.0
            self.settings = settings
            self.data = data

    @traitlets.validate("settings")
    def _checked(self, proposal: Any) -> dict[str, Any]:
        """From the page or from the learner."""
        value = proposal["value"]
        if not isinstance(value, Mapping) or set(value) != set(DEFAULTS):  # pyright: ignore[reportUnknownArgumentType]
            raise traitlets.TraitError("settings are changed with view.change(schedule=...).")
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

    def _on_change(self, settings: Any) -> bool:
        """The page's settings: some of them."""
        if not isinstance(settings, Mapping):
            raise TypeError("settings are names with values")
        self.change(**{str(name): value for name, value in settings.items()})  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return True
