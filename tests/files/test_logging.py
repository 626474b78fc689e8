"""`tf.logging`: levels, format, counting."""

import logging
from contextlib import contextmanager

import labkit as tf


@contextmanager
def at_info():
    """Shows messages of level INFO meanwhile, on the error stream: pytest's own handlers stand aside."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    tf.logging.set_verbosity(tf.logging.INFO)
    try:
        yield
    finally:
        tf.logging.set_verbosity(tf.logging.WARN)
        root.handlers = handlers


def test_the_line(capsys):
    with at_info():
        tf.logging.info("step %d: %s", 3, "fine")
        tf.logging.debug("not this")
        tf.logging.warn("careful")
        tf.logging.fatal("over")
    assert capsys.readouterr().err == "INFO:labkit:step 3: fine\nWARNING:labkit:careful\nCRITICAL:labkit:over\n"


def test_counting_lines(capsys):
    with at_info():
        for step in range(7):
            tf.logging.log_every_n(tf.logging.INFO, "every %d", 3, step)
            tf.logging.log_first_n(tf.logging.INFO, "first %d", 2, step)
            tf.logging.log_if(tf.logging.INFO, "if %d", step == 5, step)
    lines = [line.removeprefix("INFO:labkit:") for line in capsys.readouterr().err.splitlines()]
    assert lines == ["every 0", "first 0", "first 1", "every 3", "if 5", "every 6"]


def test_levels_are_those_of_python():
    levels = tf.logging.DEBUG, tf.logging.INFO, tf.logging.WARN, tf.logging.ERROR, tf.logging.FATAL
    assert levels == (10, 20, 30, 40, 50)
    assert tf.logging.get_verbosity() == tf.logging.WARN
    assert tf.logging.__dict__["INFO"] == 20


def test_a_program_with_handlers_of_its_own_gets_the_messages(caplog):
    tf.logging.error("to the program")
    assert caplog.record_tuples == [("labkit", 40, "to the program")]
