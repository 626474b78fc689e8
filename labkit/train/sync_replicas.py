"""`SyncReplicasOptimizer`: workers that wait for one another, with gradients of the same weights.

Asynchronous workers each change the variables when they are done; the gradient of a slow one belongs to weights that
are gone. Here the gradients of one step go into accumulators, one for each variable, beside it:

    worker   compute gradients; add them to the accumulators; take a token; next step
    chief    take the mean of `replicas_to_aggregate` gradients; update; count the step; put out tokens

A token is the number of a step. A worker computes with the number of the last token it took, and an accumulator drops
a gradient whose number is smaller than its own: it comes too late (*stale*). So with more workers than gradients are
needed, the slowest are backup workers; with fewer, some send several batches in one step.

What the chief does is one operation in a thread of a `tf.train.QueueRunner`. The hook of `make_session_run_hook` starts
it, and puts out the first tokens. These let workers run one step ahead at the start, into the same update; with
`num_tokens=0` nobody does.

Source: `tensorflow/python/training/sync_replicas_optimizer.py` (1.4); J. Chen et al.: "Revisiting distributed
synchronous SGD", 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit import logging
from labkit.errors import FailedPreconditionError, GraphError, LabkitError
from labkit.graph import Graph, GraphKeys, Operation, Tensor, get_default_graph
from labkit.monitored import SessionRunHook
from labkit.ops.array import fill, identity
from labkit.ops.control_flow import group, no_op
from labkit.ops.indexed_slices import IndexedSlices
from labkit.ops.state import assign, reference
from labkit.optimizers import Optimizer
from labkit.queues import ConditionalAccumulator, FIFOQueue, QueueRunner, SparseConditionalAccumulator
from labkit.queues.accumulators import rows_for_update
from labkit.variables import Variable, global_variables, report_uninitialized_variables


class SyncReplicasOptimizer(Optimizer):
    """Wraps an optimizer: it applies the mean of the gradients of many workers, once a step.

    Args:
        opt: the optimizer whose rule is used.
        replicas_to_aggregate: how many gradients make a step.
        total_num_replicas: how many workers there are; as many as gradients if None. More workers are backups, fewer
            send several gradients each.
        variable_averages: a `tf.train.ExponentialMovingAverage` that is kept up to date, or None.
        variables_to_average: of which variables; all trainable ones if None.
        use_locking: kept for TensorFlow's signature.
        name: name of the operations.

    Attributes:
        local_step_init_op: what a worker runs in each new session, before it trains.
        chief_init_op: the same for the chief.
        ready_for_local_init_op: names the variables that must be initialized before.

    Raises:
        TypeError: if `opt` is no optimizer.
        LabkitError: if a number is not at least 1.

    Example:
        >>> import labkit as tf
        >>> x, step = tf.placeholder(tf.float32, []), tf.train.create_global_step()
        >>> w = tf.Variable(0.0)
        >>> optimizer = tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(1.0), 2, 1)
        >>> train = optimizer.minimize(-x * w, global_step=step)
        >>> hook = optimizer.make_session_run_hook(is_chief=True, num_tokens=1)
        >>> with tf.train.MonitoredTrainingSession(hooks=[hook]) as sess:
        ...     for number in (1.0, 3.0, 5.0, 7.0):
        ...         _ = sess.run(train, {x: number})
        ...     float(sess.run(w))
        8.0

    One worker sends two gradients a step: the mean of 1 and 3, then that of 5 and 7.
    """

    def __init__(
        self, opt: Optimizer, replicas_to_aggregate: int, total_num_replicas: int | None = None,
        variable_averages: Any = None, variables_to_average: Sequence[Any] | None = None, use_locking: bool = False,
        name: str = "sync_replicas",
    ) -> None:  # fmt: skip
        if not isinstance(opt, Optimizer):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise TypeError(
                f"SyncReplicasOptimizer wraps an optimizer, and {opt!r} is none.\n"
                "  Try: tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(0.1), 4)."
            )
        super().__init__(use_locking, name)
        self._opt = opt
        self._replicas_to_aggregate = _at_least_one(replicas_to_aggregate, "replicas_to_aggregate")
        total = replicas_to_aggregate if total_num_replicas is None else total_num_replicas
        self._total_num_replicas = _at_least_one(total, "total_num_replicas")
        self._tokens_per_step = max(self._total_num_replicas, self._replicas_to_aggregate)
        self._variable_averages = variable_averages
        self._variables_to_average = variables_to_average
        self._chief_queue_runner: QueueRunner | None = None
        self._global_step: Any = None
        self._token_queue: Any = None
        self.local_step_init_op: Any = None
        self.chief_init_op: Any = None
        self.ready_for_local_init_op: Any = None
        logging.info(
            "SyncReplicasV2: replicas_to_aggregate=%s; total_num_replicas=%s", self._replicas_to_aggregate,
            self._total_num_replicas,
        )  # fmt: skip

    def compute_gradients(self, *args: Any, **kwargs: Any) -> list[tuple[Any, Any]]:
        """The gradients, as the wrapped optimizer computes them."""
        return self._opt.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> Any:
        """What a worker runs in each step: it sends its gradients, and waits for a token.

        Args:
            grads_and_vars: pairs (gradient, variable), as from `compute_gradients`.
            global_step: the variable that counts the steps.
            name: kept for TensorFlow's signature.

        Returns:
            A tensor to run: the number of the worker's next step.

        Raises:
            LabkitError: if there are no pairs, no global step, or it was called before.
        """
        pairs: list[tuple[Any, Any]] = list(grads_and_vars or ())
        if not pairs:
            raise LabkitError("Must supply at least one variable: apply_gradients was given none.")
        if global_step is None:
            raise LabkitError(
                "Global step is required to check staleness: gradients of an earlier step are dropped.",
                "minimize(loss, global_step=tf.train.get_or_create_global_step()).",
            )
        if self._chief_queue_runner is not None:
            raise GraphError(
                "this SyncReplicasOptimizer has applied gradients before: its workers wait for one queue of tokens.",
                "one call with all pairs; for a second model an optimizer of its own.",
            )
        graph: Graph = pairs[0][1].graph
        with graph.as_default():
            return self._make(graph, pairs, global_step)

    def _make(self, graph: Graph, pairs: list[tuple[Any, Any]], global_step: Any) -> Tensor:
        self._global_step = global_step
        anchor = no_op()  # on the worker's device; beside it the variable is not put on a parameter server
        with graph.colocate_with(anchor):
            local_step = Variable(
                0, trainable=False, collections=[GraphKeys.LOCAL_VARIABLES], dtype=global_step.dtype,
                name="sync_rep_local_step",
            )  # fmt: skip
        self.local_step_init_op = assign(local_step, global_step).op
        self.ready_for_local_init_op = report_uninitialized_variables(global_variables())
        sent: list[Operation] = []
        means: list[tuple[Any, Any]] = []
        accumulators: list[Any] = []
        with graph.name_scope(self._name):
            for grad, var in pairs:
                with graph.device(var.device):
                    accumulator, send, mean = self._accumulate(grad, var, local_step)
                means.append((mean, var))
                if accumulator is not None:
                    accumulators.append(accumulator)
                    sent.append(send)
        with graph.device(global_step.device), graph.name_scope(None):
            update = self._opt.apply_gradients(means, global_step)
            self._token_queue = FIFOQueue(-1, global_step.dtype, [[]], name="sync_token_q", shared_name="sync_token_q")
            dummy = FIFOQueue(1, "int32", [[]], name="dummy_queue", shared_name="dummy_queue")
            with graph.control_dependencies(sent):
                token = self._token_queue.dequeue()
            with graph.colocate_with(local_step):
                train = assign(local_step, token)
            with graph.control_dependencies([update]):
                new_step = identity(reference(global_step), name="new_step")
                sync = self._token_queue.enqueue_many([fill([self._tokens_per_step], new_step)])
            if self._variable_averages is not None:
                with graph.control_dependencies([sync]):
                    sync = self._variable_averages.apply(self._variables_to_average)
            self._chief_queue_runner = QueueRunner(dummy, [sync])
        moves: list[Any] = [self.local_step_init_op]
        for accumulator in accumulators:
            with graph.device(accumulator.accumulator_ref.device):
                moves.append(accumulator.set_global_step(global_step, name="SetGlobalStep"))
        self.chief_init_op = group(*moves)
        return train

    def _accumulate(self, grad: Any, var: Any, local_step: Any) -> tuple[Any, Any, Any]:
        """The accumulator of a variable, what sends a gradient to it, and what takes the mean."""
        if grad is None:
            return None, None, None
        shared_name = f"{var.name}/grad_accum"
        if isinstance(grad, IndexedSlices):
            rows = SparseConditionalAccumulator(grad.dtype, var.shape, shared_name)
            sent = rows.apply_indexed_slices_grad(grad, local_step)
            return rows, sent, rows_for_update(rows, self._replicas_to_aggregate)
        if not isinstance(grad, Tensor):
            raise LabkitError(
                f"the gradient of {var.op.name!r} is {grad!r}: a tensor, a tf.IndexedSlices or None is needed."
            )
        whole = ConditionalAccumulator(grad.dtype, var.shape, shared_name)
        return whole, whole.apply_grad(grad, local_step), whole.take_grad(self._replicas_to_aggregate)

    def get_chief_queue_runner(self) -> QueueRunner:
        """The queue runner that the chief must start: it makes the updates.

        Raises:
            LabkitError: before `apply_gradients`.
        """
        if self._chief_queue_runner is None:
            raise _too_early("get_chief_queue_runner()")
        return self._chief_queue_runner

    def get_init_tokens_op(self, num_tokens: int = -1) -> Operation:
        """What the chief runs once, at the start: it puts out the first tokens.

        Args:
            num_tokens: how many; -1 for as many as gradients make a step.

        Raises:
            LabkitError: before `apply_gradients`; or if there are too few tokens for the first step to end.
        """
        if self._chief_queue_runner is None:
            raise _too_early("get_init_tokens_op()")
        needed = self._replicas_to_aggregate - self._total_num_replicas
        count = self._replicas_to_aggregate if num_tokens == -1 else num_tokens
        if count < max(needed, 0):
            raise LabkitError(
                f"Too few tokens to finish the first step: {count} (given) vs {max(needed, 0)} (needed): "
                f"{self._total_num_replicas} workers send {self._replicas_to_aggregate} gradients only if some of them "
                "may go on after their first.",
                "num_tokens=-1, which gives as many as gradients make a step.",
            )
        graph = get_default_graph()
        with graph.device(self._global_step.device), graph.name_scope(None):
            if not count:
                return no_op(name="no_init_tokens")
            return self._token_queue.enqueue_many([fill([count], self._global_step)])

    def make_session_run_hook(self, is_chief: bool, num_tokens: int = -1) -> SessionRunHook:
        """The hook that a worker's monitored session needs.

        Args:
            is_chief: True for the one worker that makes the updates.
            num_tokens: how many tokens the chief puts out at the start; -1 for as many as gradients make a step, 0 for
                a first step of one gradient from each worker.
        """
        return SyncReplicasHook(self, is_chief, num_tokens)

    def get_slot(self, *args: Any, **kwargs: Any) -> Any:
        """The slot of a variable, as the wrapped optimizer keeps it."""
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> list[str]:
        """Names of the slots of the wrapped optimizer."""
        return self._opt.get_slot_names(*args, **kwargs)

    def variables(self) -> list[Any]:
        """The variables of the wrapped optimizer."""
        return self._opt.variables()


class SyncReplicasHook(SessionRunHook):
    """Starts what synchronous training needs, in each new session of a worker.

    Args:
        optimizer: the `SyncReplicasOptimizer`.
        is_chief: True for the worker that makes the updates.
        num_tokens: how many tokens it puts out at the start.
    """

    def __init__(self, optimizer: SyncReplicasOptimizer, is_chief: bool, num_tokens: int) -> None:
        self._optimizer = optimizer
        self._is_chief = is_chief
        self._num_tokens = num_tokens
        self._begun = False
        self._init_tokens: Operation | None = None

    def begin(self) -> None:
        """Makes the operations.

        Raises:
            LabkitError: before `apply_gradients`, and the second time.
        """
        if self._optimizer.local_step_init_op is None:
            raise _too_early("the hook of make_session_run_hook()")
        if self._begun:
            raise LabkitError(
                "this hook of a SyncReplicasOptimizer is used a second time: it belongs to one monitored session, for "
                "which it puts out the first tokens.",
                "a hook of its own for each session: optimizer.make_session_run_hook(is_chief).",
            )
        self._begun = True
        if self._is_chief:
            self._init_tokens = self._optimizer.get_init_tokens_op(self._num_tokens)

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Takes up the step that the variables are at; the chief puts out tokens and starts the updates."""
        missing: list[bytes] = session.run(self._optimizer.ready_for_local_init_op).reshape(-1).tolist()
        if missing:
            raise FailedPreconditionError(
                None, None, "the model is not ready for SyncReplicasOptimizer's first step: "
                f"{', '.join(name.decode() for name in missing[:5])} have no value.\n"
                "  Try: tf.train.MonitoredTrainingSession(master=server.target, is_chief=..., hooks=[hook]), whose "
                "chief initializes the variables."
            )  # fmt: skip
        if not self._is_chief:
            session.run(self._optimizer.local_step_init_op)
            return
        session.run(self._optimizer.chief_init_op)
        session.run(self._init_tokens)
        self._optimizer.get_chief_queue_runner().create_threads(session, coord=coord, daemon=True, start=True)


def _at_least_one(number: Any, name: str) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise LabkitError(f"{name} is a number of workers or gradients, 1 or more, not {number!r}.")
    return number


def _too_early(what: str) -> LabkitError:
    return LabkitError(
        f"{what} should be called after apply_gradients(): there is nothing to wait for before.",
        "train = optimizer.minimize(loss, global_step=step) first.",
    )
