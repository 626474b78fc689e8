"""The exercises of the notebooks: for each, how an answer is judged, hints, and one solution.

One file a notebook. A `judge` looks at values that come from running the learner's graph, never at how the code is
written, so that any right way is right. It knows the common mistakes and says which was made.
"""

from labkit.exercises import getting_started, hello_graph, looking_inside, mnist_from_scratch
from labkit.exercises.exercise import Exercise, NotTried, Wrong

EXERCISES: dict[str, Exercise] = {
    exercise.number: exercise
    for module in (hello_graph, getting_started, mnist_from_scratch, looking_inside)
    for exercise in module.EXERCISES
}
"""Every exercise by its number."""

__all__ = ["EXERCISES", "Exercise", "NotTried", "Wrong"]
