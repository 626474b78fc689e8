"""Scopes: what is open while nodes are made decides their names, devices and control inputs.

    with tf.name_scope("layer1"):                names begin with layer1/
    with tf.device("/gpu:0"):                    nodes ask for that device; an inner scope wins part by part
    with tf.control_dependencies([update]):      nodes wait for `update`
    with tf.colocate_with(w):                    nodes go where w goes
    with graph.gradient_override_map({"Relu": "Guided"}):    the gradient of Relu nodes is the one registered as Guided

Source: `tensorflow/python/framework/ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, cast

from labkit import logging
from labkit.devices import DeviceSpec, canonical_name
from labkit.errors import GraphError, UnimplementedError
from labkit.graph.lookup import Lookup
from labkit.graph.tensor import Operation, Tensor
from labkit.sites import Site, here

DeviceChoice = DeviceSpec | Callable[[Operation], "str | DeviceSpec | None"] | None


class DeviceRequest(NamedTuple):
    """A line that asked for a device: what it asked for, as it was written, and where."""

    asked: str
    site: Site


class DeviceScope(NamedTuple):
    """An open `tf.device` block: what it says, how that was written, and where."""

    choice: DeviceChoice
    asked: str
    site: Site


def _no_override() -> UnimplementedError:
    return UnimplementedError(
        None, None,
        "gradients cannot be overridden inside tf.cond or a loop: JAX differentiates these as a whole.\n"
        "  Try: put the op before or after it.",
    )  # fmt: skip


class Scopes(Lookup):
    """The part of `Graph` that keeps the open scopes."""

    captures_inputs = False  # True for the graphs inside cond and while_loop

    def __init__(self) -> None:
        super().__init__()
        self._devices: list[DeviceScope] = []
        self._known_device: tuple[str, tuple[DeviceRequest, ...]] | None = None  # what the open blocks say together
        self._control: list[tuple[list[Operation], set[Operation]]] = []  # (waited for, made inside the block)
        self._colocation: list[Operation] = []
        self._gradient_names: dict[str, str] = {}

    @contextmanager
    def name_scope(self, name: str | None) -> Generator[str]:
        """Names of nodes made inside begin with `name/`.

        Args:
            name: made unique with `_1`, `_2`; one that ends in a slash is entered again as it is; None or "" leaves
                all scopes.

        Yields:
            The whole scope with a final slash, which as the name of an op gives it the name of the scope itself.
        """
        outer = self.current_scope
        self.current_scope = self.unique_name(name) if name else ""
        try:
            yield self.current_scope + "/" if self.current_scope else ""
        finally:
            self.current_scope = outer

    def device(self, device_name_or_function: Any) -> AbstractContextManager[None]:
        """Nodes made inside ask for a device; an inner block wins part by part.

        Args:
            device_name_or_function: a name such as "/gpu:0" (parsed at once, so that a wrong one fails here), a
                `DeviceSpec`, None to forget the outer scopes, or a function from operation to name. What the function
                returns takes the place of what the inner blocks said, which stands in `operation.device`; None keeps
                it.

        Raises:
            DeviceNameError: if the name does not parse.
            TypeError: if it is none of these.
        """
        choice: Any = device_name_or_function
        asked = choice.to_string() if isinstance(choice, DeviceSpec) else str(choice)
        if isinstance(choice, str | DeviceSpec):
            choice = DeviceSpec.from_string(asked)
        elif choice is not None and not callable(choice):
            raise TypeError(f"tf.device takes a name, a DeviceSpec, a function or None, not {choice!r}.")
        return self._opened([*self._devices, DeviceScope(cast("DeviceChoice", choice), asked, here())])

    @contextmanager
    def _opened(self, devices: list[DeviceScope]) -> Generator[None]:
        """Makes `devices` the open blocks, inside a `with` block."""
        outer, self._devices, self._known_device = self._devices, devices, None
        try:
            yield
        finally:
            self._devices, self._known_device = outer, None

    @contextmanager
    def control_dependencies(self, control_inputs: Sequence[Any] | None) -> Generator[None]:
        """Nodes made inside run after `control_inputs` (operations, tensors, variables); None clears the outer."""
        outer = self._control
        if control_inputs is None:
            self._control = []
        else:
            elements = [self.as_graph_element(element) for element in control_inputs]
            waited = [element.op if isinstance(element, Tensor) else element for element in elements]
            self._control = [*outer, (list(dict.fromkeys(waited)), set())]
        try:
            yield
        finally:
            self._control = outer

    @contextmanager
    def colocate_with(self, op: Any, ignore_existing: bool = False) -> Generator[None]:
        """Nodes made inside go to the device of `op`; the device blocks that are open outside do not count inside.

        Args:
            op: an operation, a tensor or a variable; None (with `ignore_existing`) for no colocation at all.
            ignore_existing: True forgets the outer colocations.

        Raises:
            GraphError: if `op` is None and `ignore_existing` is False.
        """
        if op is None and not ignore_existing:
            raise GraphError(
                "tf.colocate_with(None) does not say with which op.",
                "tf.colocate_with(None, ignore_existing=True) to leave the colocations that are open.",
            )
        added: list[Operation] = []
        if op is not None:
            element = self.as_graph_element(op)
            added = [element.op if isinstance(element, Tensor) else element]
        outer = self._colocation
        self._colocation = added if ignore_existing else [*outer, *added]
        try:
            with self._opened([]):
                yield
        finally:
            self._colocation = outer

    @contextmanager
    def gradient_override_map(self, op_type_map: Mapping[str, str]) -> Generator[None]:
        """The gradients of nodes made inside are those that `tf.RegisterGradient` knows by other names.

        Args:
            op_type_map: from the type of an op ("Relu") to the name of a gradient ("GuidedRelu"); it is looked up when
                `tf.gradients` comes to the node. The name of an op ("Identity") stands for the gradient of that op.

        Raises:
            TypeError: if it is not a dict of strings.
            UnimplementedError: inside `tf.cond` or a loop, whose gradient is JAX's.

        Example:
            >>> import labkit as tf
            >>> x = tf.constant([0.4, 1.6])
            >>> with tf.get_default_graph().gradient_override_map({"Round": "Identity"}):
            ...     y = tf.round(x)
            >>> tf.Session().run([y, tf.gradients(y, x)[0]])
            [array([0., 2.], dtype=float32), array([1., 1.], dtype=float32)]
        """
        found: Any = op_type_map
        if not isinstance(found, Mapping) or not all(
            isinstance(word, str) for pair in cast("Mapping[Any, Any]", found).items() for word in pair
        ):
            raise TypeError(f'gradient_override_map takes a dict such as {{"Relu": "GuidedRelu"}}, not {found!r}.')
        if self.captures_inputs:
            raise _no_override()
        outer = self._gradient_names
        self._gradient_names = {**outer, **op_type_map}
        try:
            yield
        finally:
            self._gradient_names = outer

    def control_for(self, inputs: Sequence[Tensor]) -> list[Operation]:
        """The control inputs of a new node, without those that its data inputs wait for already."""
        if not self._control:
            return []
        sources = {tensor.op for tensor in inputs}
        found: dict[Operation, None] = {}
        for waited, made_inside in self._control:
            if made_inside.isdisjoint(sources):
                found.update((node, None) for node in waited if node not in sources)
        return list(found)

    def place(self, node: Operation) -> None:
        """Gives a new node what the open scopes say."""
        for _, made_inside in self._control:
            made_inside.add(node)
        if self._gradient_names:
            node.gradient_name = self._gradient_names.get(node.type, "")
            if node.gradient_name and self.captures_inputs:
                raise _no_override()
        if self._devices:
            if self._known_device is None:
                self._ask(node)
            else:
                node.device, node.device_requests = self._known_device
        if self._colocation:
            self._colocate(node)

    def _ask(self, node: Operation) -> None:
        """Gives a node what the open `tf.device` blocks say, from the innermost out."""
        requests: list[DeviceRequest] = []
        has_function = False
        for choice, asked, site in reversed(self._devices):
            if choice is None:
                break
            if isinstance(choice, DeviceSpec):
                node.device = choice.merged_with(DeviceSpec.from_string(node.device)).to_string()
                requests.append(DeviceRequest(asked, site))
                continue
            has_function = True
            found = choice(node)
            if found is not None:
                name = found.to_string() if isinstance(found, DeviceSpec) else found
                node.device = canonical_name(name)
                requests = [DeviceRequest(name, site)]  # it has seen, and replaces, what the inner ones said
        node.device_requests = tuple(requests)
        if not has_function:  # the next node gets the same without asking again
            self._known_device = node.device, node.device_requests

    def _colocate(self, node: Operation) -> None:
        """Puts a node into the groups of the open `colocate_with` blocks, and asks for their device."""
        names: set[str] = set()
        for other in self._colocation:
            names.update(other.colocation or (other.name,))
            if not other.device:
                continue
            if node.device and canonical_name(node.device) != canonical_name(other.device):
                logging.warning(
                    "Tried to colocate %s with an op %s that had a different device: %s vs %s. Postponing "
                    "error-checking until all devices are assigned.",
                    node.name, other.name, node.device, other.device,
                )  # fmt: skip
            else:
                node.device, node.device_requests = other.device, other.device_requests
        node.colocation = tuple(sorted(names))
