"""`Keeper`: saves a training now and then, and takes it up again where it was saved.

A kernel ends when its memory is used up, when somebody restarts it, or when the server goes. What a training view had
reached is then gone, except what its keeper has written to a folder:

    training.ckpt-1200.*   the variables that the step needs, and the places in random streams and data sets
    checkpoint             which of them is the newest (`tf.train.latest_checkpoint`); the one before is kept too
    curves.json            the curves up to there

A view that is made again with the same folder goes on from there, with the numbers of a run that was never stopped, if
the feed follows from the number of the step. The files are those of `tf.train.Saver`, whole or not there at all.

What cannot be saved does not end the training: the view says so and tries again. What the disk lacks now it may have in
a minute, and hours of training would be lost for certain.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable
from typing import Any

from labkit import logging
from labkit.checkpoints.files import explained, write_file
from labkit.errors import (
    DataLossError,
    FailedPreconditionError,
    GraphError,
    InvalidArgumentError,
    NotFoundError,
    OpError,
)
from labkit.gfile import local_path
from labkit.saving import Saver, checkpoint_exists, get_checkpoint_state, restore_random_states
from labkit_widgets.training_graph import variables_needed

Curves = list[dict[str, Any]]  # {"group", "name", "steps", "values"}

_NAME, _CURVES = "training.ckpt", "curves.json"
_NAMED = re.compile(re.escape(_NAME) + r"-\d+")
_MOST_BYTES = 1 << 26  # of the curves, as read
_SHARE = 0.05  # of the time, for saving


class Keeper:
    """Saves and restores what a training needs.

    Args:
        folder: where to; made if it is not there.
        fetches: what is run: the step and the curves.
        save_seconds: the seconds between two saves, at least; more where a save takes long.
        clock: gives seconds.

    Raises:
        OpError: if the folder cannot be made.
        GraphError: if the graph is finalized, or there is nothing to save.
    """

    def __init__(
        self, folder: Any, fetches: Any, save_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = local_path(folder)
        self._save_seconds, self._clock = save_seconds, clock
        self._next_seconds = clock() + save_seconds
        self.saved: int | None = None  # the step that was saved last
        self._trouble = ""
        self._compiled = False
        variables = variables_needed(fetches)
        if not variables:
            raise GraphError("there is nothing to save: the training step changes no variable.")
        with explained(self.folder):
            os.makedirs(self.folder, exist_ok=True)
        with variables[0].graph.as_default():
            self._saver = Saver(variables, max_to_keep=2, name="save_training")

    def resume(self, session: Any) -> tuple[int, Curves, str] | None:
        """Gives the variables what was saved last.

        Returns:
            The step, the curves before it, and words about it; None if nothing was saved.

        Raises:
            OpError: if what was saved fits another net, or if nothing of it can be read.
        """
        there = self._there()
        damaged = ""
        for place, path in enumerate(there):
            try:
                self._saver.restore(session, path)
            except DataLossError as error:
                if place == len(there) - 1:
                    raise
                damaged = damaged or f" The newest is damaged: {str(error).splitlines()[0]}"
                continue
            except (NotFoundError, InvalidArgumentError) as error:
                error.add_note(f"  For a new training: another folder than checkpoints={self.folder!r}.")
                raise
            restore_random_states(session, path)
            self._saver.recover_last_checkpoints(list(reversed(there[place:])))
            self.saved = int(path.rpartition("-")[2])
            return self.saved, self._curves(self.saved), f"Goes on from step {self.saved:,}, saved in {path}.{damaged}"
        return None

    def _there(self) -> list[str]:
        """What was saved, the newest first."""
        state = get_checkpoint_state(self.folder)
        if state is None:
            return []
        known = dict.fromkeys([state.model_checkpoint_path, *reversed(state.all_model_checkpoint_paths)])
        there = [path for path in known if checkpoint_exists(path)]
        if strange := [path for path in there if not _NAMED.fullmatch(os.path.basename(path))]:
            raise FailedPreconditionError(
                None, None, f"the folder {self.folder!r} has checkpoints of another program: {strange[0]!r}.\n"
                "  Try: a folder for this training alone."
            )  # fmt: skip
        return there

    def due(self) -> bool:
        """Whether it is time to save."""
        return self._clock() >= self._next_seconds

    def save(self, session: Any, step: int, curves: Curves) -> str:
        """Saves, unless this step is saved already.

        Args:
            session: the session.
            step: how many steps were made.
            curves: of the run.

        Returns:
            What went wrong, in words; "" if nothing did.
        """
        if step == self.saved:
            return self._trouble
        began, trouble = self._clock(), ""
        try:
            self._saver.save(session, os.path.join(self.folder, _NAME), global_step=step, write_meta_graph=False)
            self.saved = step
            write_file(os.path.join(self.folder, _CURVES), [json.dumps(curves).encode()])
        except OpError as error:
            trouble = self._told(error, step)
        if trouble and not self._trouble:
            logging.warning("%s", trouble)
        self._trouble = trouble
        now = self._clock()
        cost = (now - began) / _SHARE if self._compiled else 0.0  # the first save compiles, as the first step does
        self._compiled = True
        self._next_seconds = now + max(self._save_seconds, cost)
        return trouble

    def _told(self, error: OpError, step: int) -> str:
        before = "nothing is saved yet" if self.saved is None else f"what is saved is step {self.saved:,}"
        said = str(error).splitlines()[0]
        return f"Step {step:,} could not be saved, and {before}; it will be tried again. {said}"

    def _curves(self, step: int) -> Curves:
        """The curves before a step; none if they cannot be read: a training goes on without them."""
        path = os.path.join(self.folder, _CURVES)
        found: Curves = []
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            if os.path.getsize(path) > _MOST_BYTES:
                return []
            with open(path, encoding="utf-8") as file:
                for one in json.load(file):
                    pairs = [(float(s), float(v)) for s, v in zip(one["steps"], one["values"], strict=True)]
                    pairs = [pair for pair in pairs if pair[0] < step]
                    steps, values = [s for s, _ in pairs], [v for _, v in pairs]
                    group, name = str(one["group"]), str(one["name"])
                    found.append({"group": group, "name": name, "steps": steps, "values": values})
        return found
