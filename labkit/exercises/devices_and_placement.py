"""The exercises of notebook 08: names that merge, a transfer, a device function, and a puzzle of placement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from labkit.cluster import link_kind
from labkit.devices import DeviceNameError, DeviceSpec
from labkit.errors import LabkitError
from labkit.exercises.exercise import Exercise, NotTried, Wrong, function, number
from labkit.graph import Graph, Operation, get_default_graph
from labkit.ops.activations import relu
from labkit.ops.source import constant, placeholder
from labkit.placement.puzzle import puzzle
from labkit.simulator import simulate
from labkit.variables import Variable

BATCH = 10_000
"""Pictures in the batch of 08.2."""


def three_scopes() -> tuple[str, str, str]:
    """The devices that the three constants of 08.1 ask for."""
    with Graph().as_default():
        device = get_default_graph().device
        with device("/job:worker/task:2/device:GPU:1"):
            with device("/device:CPU:0"):
                a = constant(1.0)
            with device("/job:ps"):
                b = constant(1.0)
            with device(None), device("/task:5"):
                c = constant(1.0)
    return a.device, b.device, c.device


def _judge_scopes(answer: Any) -> None:
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:  # pyright: ignore[reportUnknownArgumentType]
        raise Wrong("three names were asked for: (of a, of b, of c).")
    given: list[Any] = list(answer)  # pyright: ignore[reportUnknownArgumentType]
    if ... in given:
        raise NotTried
    mistakes = {
        ("a", "/device:CPU:0"): "the outer block said more than the inner one. What the inner one does not say, stays.",
        ("a", "/job:worker/task:2/device:GPU:1"): "the inner block says CPU:0, and the inner one wins.",
        ("b", "/job:ps"): "the inner block says only the job. Task and device stay what the outer one said.",
        ("b", "/job:worker/task:2/device:GPU:1"): "the inner block says another job, and the inner one wins.",
        ("b", "/job:ps/device:GPU:1"): "the task stays, too: each part of a name is merged on its own.",
        ("c", "/job:worker/task:5/device:GPU:1"): "tf.device(None) forgets all that was said outside of it.",
        ("c", ""): "tf.device(None) forgets what was said outside of it, and not what is said inside.",
    }
    for which, name, right in zip("abc", given, three_scopes(), strict=True):
        if not isinstance(name, str):
            raise Wrong(f"a device name is text; of {which} you gave {name!r}.")
        try:
            spec = DeviceSpec.from_string(name)
        except DeviceNameError as error:
            raise Wrong(f"of {which}: {error}") from None
        if _upper(spec) != _upper(DeviceSpec.from_string(right)):
            plain = "merge the two names part by part; the inner one wins."
            said = next((text for (at, wrong), text in mistakes.items() if at == which and _same(spec, wrong)), plain)
            raise Wrong(f"{which} is not on {name!r}: {said}")


def _upper(spec: DeviceSpec) -> str:
    return spec.to_string().replace("device:cpu", "device:CPU").replace("device:gpu", "device:GPU")


def _same(spec: DeviceSpec, name: str) -> bool:
    return _upper(spec) == _upper(DeviceSpec.from_string(name))


def _judge_function(answer: Any) -> None:
    where: Callable[[Operation], Any] = function(answer, "where(op)")
    with Graph().as_default() as plain_graph:
        _layer()
    if any(_answer(where, plain_graph, name) is ... for name in ("weights", "y")):
        raise NotTried
    if all(_answer(where, plain_graph, name) is None for name in ("weights", "y")):
        raise Wrong("where(op) gave None. Did you forget `return`?")
    with Graph().as_default() as graph:
        try:
            with graph.device(where):
                _layer()
        except (LabkitError, TypeError, ValueError, AttributeError) as error:
            raise Wrong(f"called with an operation, your function fails: {str(error).splitlines()[0]}") from None
    variable, plain = graph.nodes_by_name["weights"], graph.nodes_by_name["y"]
    cpu, gpu = "/device:CPU:0", "/device:GPU:0"
    if (variable.device.upper(), plain.device.upper()) == (gpu.upper(), cpu.upper()):
        raise Wrong("the wrong way round: the variable is on the GPU, all else on the CPU.")
    if variable.device == plain.device == gpu:
        raise Wrong('no op is on the CPU: of which type is the op that holds a variable? It is "VariableV2", spelt so.')
    if variable.device == plain.device == cpu:
        raise Wrong("all ops are on the CPU, 'y' of type 'Relu', too: ask for op.type, and only then answer so.")
    for node, wanted in ((variable, cpu), (plain, gpu)):
        if node.device.upper() != wanted.upper():
            raise Wrong(
                f"{node.name!r}, an op of type {node.type!r}, is on {node.device!r}; it should be on {wanted!r}."
            )


def _layer() -> None:
    """A layer with a variable called "weights", and a result called "y"."""
    x = placeholder(np.float32, [None, 4], name="x")
    relu(x @ Variable(np.ones((4, 3), np.float32), name="weights"), name="y")


def _answer(where: Callable[[Operation], Any], graph: Graph, name: str) -> Any:
    """What a learner's function says of an op; "" if it fails."""
    try:
        return where(graph.nodes_by_name[name])
    except Exception:  # whatever it is, it is told when the function is used
        return ""


def _judge_transfer(answer: Any) -> None:
    given = number(answer, "milliseconds")
    speed = link_kind("pcie3_x16").bytes_per_second
    size = BATCH * 784 * 4
    right = 1e3 * size / speed
    if abs(given / right - 1) < 0.05:
        return
    mistakes = (
        (right / 1e3, "that is seconds. A second has 1,000 milliseconds."),
        (right / 4, "each number is a float32, which has four bytes."),
        (right * 8, "the link's speed is in bytes a second, not in bits: there is no 8."),
        (right / 8, "the link's speed is in bytes a second, not in bits: there is no 8."),
        (right / 100, "that is a hundred pictures. This batch has 10,000."),
        (right / BATCH, "that is one picture. This batch has 10,000."),
        (right * 2, "they travel once: one Recv for each tensor and device, however many ops take it."),
    )
    for wrong, said in mistakes:
        if abs(given / wrong - 1) < 0.05:
            raise Wrong(said)
    raise Wrong("bytes divided by bytes a second: 10,000 pictures of 784 numbers of four bytes, over 15.75e9.")


PUZZLE_BEST, PUZZLE_GREEDY = 18.0, 23.0
"""Milliseconds of the best placement of the puzzle, and of the greedy one."""


def puzzle_places(on_cpu: Iterable[str]) -> dict[str, str]:
    """The device of each op of the puzzle.

    Args:
        on_cpu: names of the ops that are on the CPU; the others are on the GPU.

    Raises:
        ValueError: if there is no such op.

    Example:
        >>> list(puzzle_places(["read", "look_up"]).values())[:3]
        ['/device:CPU:0', '/device:CPU:0', '/device:GPU:0']
    """
    work, cluster = puzzle()
    cpu, gpu = cluster.devices
    names = [node.name for node in work.nodes]
    chosen = list(on_cpu)
    unknown = next((name for name in chosen if name not in names), None)
    if unknown is not None:
        raise ValueError(f"there is no op {unknown!r}; the eight are {', '.join(names)}.")
    return {name: cpu if name in chosen else gpu for name in names}


def puzzle_milliseconds(on_cpu: Iterable[str]) -> float:
    """How long the puzzle takes, simulated; argument and error as for `puzzle_places`.

    Example:
        >>> puzzle_milliseconds([])
        25.0
    """
    work, cluster = puzzle()
    return round(1e3 * simulate(work, puzzle_places(on_cpu), cluster).seconds, 6)


def _judge_puzzle(answer: Any) -> None:
    if isinstance(answer, str):
        raise Wrong("a list of names was asked for, in brackets, even if it is one.")
    names: list[Any] = list(answer) if isinstance(answer, (list, tuple, set)) else []  # pyright: ignore[reportUnknownArgumentType]
    if answer is ... or ... in names:
        raise NotTried
    try:
        took = puzzle_milliseconds(names)
    except ValueError as error:
        raise Wrong(str(error)) from None
    if took == PUZZLE_BEST:
        return
    if not names:
        raise Wrong(f"{took:g} ms: the CPU does nothing, though three of the ops are quicker on it.")
    if set(names) == {"read", "look_up", "join"}:
        raise Wrong(
            f"{took:g} ms: each op where it is quickest. But what `join` takes from the GPU, and what it makes for "
            "it, travels 4 ms each way, to save 1 ms."
        )
    if took < PUZZLE_GREEDY:
        raise Wrong(f"{took:g} ms: better than greedy's {PUZZLE_GREEDY:g} ms. The best is {PUZZLE_BEST:g} ms.")
    raise Wrong(f"{took:g} ms: no better than greedy's {PUZZLE_GREEDY:g} ms. What do the transfers cost?")


EXERCISES = (
    Exercise(
        "08.1",
        _judge_scopes,
        "blocks merge part by part: the inner one wins where it says something, the outer one fills the rest.",
        (
            "write the outer and the inner name below each other, part by part: job, task, device.",
            "a is on /job:worker/task:2/device:CPU:0: the inner block changes the device only.",
            "before tf.device(None) nothing counts, so c has only what the block inside of it says.",
        ),
        'devices = ("/job:worker/task:2/device:CPU:0", "/job:ps/task:2/device:GPU:1", "/task:5")',
    ),
    Exercise(
        "08.2",
        _judge_transfer,
        "the pictures need two milliseconds to get there, much longer than the GPU computes with them.",
        (
            "how many bytes are 10,000 pictures of 28 by 28 numbers, if each is a float32?",
            "31.4 million bytes, at 15.75e9 bytes a second.",
        ),
        "milliseconds = 1000 * 10_000 * 784 * 4 / 15.75e9",
    ),
    Exercise(
        "08.3",
        _judge_function,
        "a function can place a whole graph: tf.device calls it for each op that is made inside the block.",
        (
            "op.type is the type of the operation as text.",
            'the op that holds a variable has the type "VariableV2".',
        ),
        'def where(op):\n    return "/cpu:0" if op.type == "VariableV2" else "/gpu:0"',
    ),
    Exercise(
        "08.4",
        _judge_puzzle,
        "18 ms, the best there is: the CPU reads and looks up while the GPU works on the image, and little travels.",
        (
            "begin with all on the GPU. Which op gains the most on the CPU?",
            "read and look_up belong on the CPU, and join does not: its inputs and its output would have to travel.",
            "19 ms is near. The GPU is busy with the image meanwhile: one more op could stay beside look_up.",
        ),
        'on_cpu = ["read", "look_up", "words"]',
    ),
)
