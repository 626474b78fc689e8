"""The exercises of the notebooks: for each, how an answer is judged, hints, and one solution.

One file a notebook. A `judge` looks at values that come from running the learner's graph, never at how the code is
written, so that any right way is right. It knows the common mistakes and says which was made.
"""

from labkit.exercises import (
    cell_of_machines,
    data_parallelism,
    devices_and_placement,
    distributed_sgd,
    general_computations,
    getting_started,
    hello_graph,
    looking_inside,
    mnist_from_scratch,
    model_parallelism,
    playground,
    real_processes,
    start,
    state_and_gradients,
)
from labkit.exercises.exercise import Exercise, NotTried, Wrong

EXERCISES: dict[str, Exercise] = {
    exercise.number: exercise
    for module in (
        start, hello_graph, getting_started, mnist_from_scratch, state_and_gradients, looking_inside,
        general_computations, playground, devices_and_placement, cell_of_machines, model_parallelism, data_parallelism,
        distributed_sgd, real_processes,
    )
    for exercise in module.EXERCISES
}  # fmt: skip
"""Every exercise by its number."""

__all__ = ["EXERCISES", "Exercise", "NotTried", "Wrong"]
