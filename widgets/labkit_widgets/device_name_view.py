"""`DeviceNameView`: device names from their parts, `tf.device` blocks in one another, and the devices that match.

Example:
    >>> import labkit_widgets as lw
    >>> view = lw.DeviceNameView("/job:worker", "/gpu:1")
    >>> view
    <DeviceNameView: /job:worker/device:GPU:1, 2 of 8 devices>
    >>> print(view.code)
    with tf.device("/job:worker"):
        with tf.device("/gpu:1"):
            x = tf.constant(1.0, name="x")
    print(x.device)

What the page types and chooses is asked of the kernel, and what is shown is what `labkit.devices` and the placer of
`labkit.placement` say: see `device_names`. The page may say `change(scopes, chosen, soft)` and `compose(parts)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import traitlets

from labkit.cluster import Cluster
from labkit.devices import DeviceNameError, DeviceSpec
from labkit_widgets import device_name_picture
from labkit_widgets.device_names import FEW, TITLES, Devices, Scope, code_of, composed, shown, told_shortly
from labkit_widgets.view import View

MOST_SCOPES = 8
MOST_LETTERS = 1000


class DeviceNameView(View):
    """Composes device names, merges `tf.device` blocks, and shows which devices match.

    Args:
        *scopes: what each `tf.device` block is given, outer to inner: a name, a `DeviceSpec`, or None.
        cluster: the devices that there are: a `tf.cluster.Cluster` or a list of names; eight devices of two workers, a
            parameter server and this process if None.
        soft: as `allow_soft_placement` of a session: type and index give way where no device has them.

    Attributes:
        scopes: the blocks as they were written; set it to show others. A name that does not parse is shown with its
            error.
        chosen: which block the parts belong to, counted from 0.
        shown: what the page shows, written by the kernel.

    Raises:
        TypeError: if a block is neither a name nor None, or `cluster` something else.
        LabkitError: if there are no devices, or one is named twice or not fully.

    Example:
        >>> import labkit as tf
        >>> import labkit_widgets as lw
        >>> lw.DeviceNameView("/task:7", cluster=tf.cluster.ready("gpu_machines"))
        <DeviceNameView: /task:7, 2 of 100 devices>
    """

    _kind = "DeviceNameView"

    scopes = traitlets.List(traitlets.Unicode(allow_none=True)).tag(sync=True)
    chosen = traitlets.Int().tag(sync=True)
    soft = traitlets.Bool().tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)

    def __init__(
        self, *scopes: str | DeviceSpec | None, cluster: Cluster | Iterable[str | DeviceSpec] | None = None,
        soft: bool = False, **traits: Any,
    ) -> None:  # fmt: skip
        written = [_written(scope) for scope in scopes or ("/job:worker/task:1/device:gpu:0",)]
        self._devices = Devices(FEW if cluster is None else cluster)
        super().__init__(scopes=written, soft=soft, **{"chosen": len(written) - 1, **traits})
        self._show()

    @property
    def code(self) -> str:
        """The program that asks for the same."""
        return code_of(self.scopes)

    @property
    def device(self) -> str:
        """What the blocks ask for together, as TensorFlow prints it.

        Raises:
            DeviceNameError: if one of the names does not parse.
        """
        merged = self.shown["merged"]
        if merged is None:
            wrong = self.shown["wrong"][0]
            raise DeviceNameError(f"block {wrong} is no device name: {self.shown['rows'][wrong - 1]['error']}")
        return merged["printed"]

    def describe(self) -> str:
        """What is asked for, and of how many devices."""
        if self.shown["wrong"]:
            return f"block {self.shown['wrong'][0]} of {len(self.scopes)} does not parse"
        devices = self.shown["devices"]
        return f"{self.device[:200] or 'any device'}, {devices['count']} of {devices['of']} devices"

    def picture(self) -> str:
        """A row for each block, a column for each part."""
        return device_name_picture.picture(self.scopes, self.shown)

    def outline(self) -> list[Any]:
        """The blocks, what they ask for together, and the devices."""
        return device_name_picture.outline(self.scopes, self.shown)

    @traitlets.validate("scopes")
    def _checked(self, proposal: Any) -> list[Scope]:
        """From the page or from the learner: a few texts that can be written down."""
        scopes: list[Scope] = list(proposal["value"])
        if not 1 <= len(scopes) <= MOST_SCOPES:
            raise traitlets.TraitError(f"scopes are 1 to {MOST_SCOPES} names, not {len(scopes)}.")
        for scope in scopes:
            if scope is not None and len(scope) > MOST_LETTERS:
                raise traitlets.TraitError(f"a device name of {len(scope):,} letters is longer than {MOST_LETTERS:,}.")
            (scope or "").encode()  # half of a letter cannot be sent
        return scopes

    @traitlets.observe("scopes", "soft")
    def _changed(self, _change: Any) -> None:
        if self.shown:  # not before there is something
            self._show()

    def _show(self) -> None:
        last = len(self.scopes) - 1
        self.chosen = min(max(self.chosen, 0), last)
        self.shown = shown(self.scopes, self._devices, self.soft)

    def _on_change(self, scopes: Any, chosen: int, soft: bool) -> bool:
        """The page's blocks, which of them is chosen, and soft placement."""
        if not isinstance(chosen, int) or not isinstance(soft, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError("chosen is a number and soft is true or false")
        with self.hold_sync():
            try:
                self.set_trait("scopes", scopes)
            except traitlets.TraitError as error:
                raise ValueError(str(error)) from None
            self.chosen, self.soft = chosen, soft
            self._show()
        return True

    def _on_compose(self, parts: Any) -> dict[str, str]:
        """The name made of parts, or what is wrong with them."""
        given: dict[str, Any] = dict(parts) if isinstance(parts, Mapping) else {}  # pyright: ignore[reportUnknownArgumentType]
        if not given or not all(isinstance(text, str) and len(text) < 100 for text in given.values()):
            raise TypeError(f"parts are short texts by {', '.join(TITLES)}")
        try:
            return {"name": composed(given), "error": ""}
        except DeviceNameError as error:
            return {"name": "", "error": told_shortly(error)}


def _written(scope: Any) -> Scope:
    """A block's argument as text."""
    if isinstance(scope, DeviceSpec):
        return scope.to_string()
    if scope is None or isinstance(scope, str):
        return scope
    if callable(scope):
        raise TypeError("a function decides for each op by itself: make the op, and look at op.device.")
    raise TypeError(f"a tf.device block is given a name, a DeviceSpec or None, not {scope!r}.")
