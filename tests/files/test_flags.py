"""Flags and `tf.app.run`: as programs of 2016 use them, from the command line and in a notebook."""

import subprocess
import sys
import textwrap

import pytest

import labkit as tf
from labkit.flags import FLAGS, FlagValues

PROGRAM = textwrap.dedent(
    """
    import labkit as tf
    flags = tf.app.flags
    FLAGS = flags.FLAGS
    flags.DEFINE_string('data_dir', '/tmp/data', 'Where the data is.')
    flags.DEFINE_integer('steps', 100, 'Steps: 100% of them.')
    flags.DEFINE_float('rate', 0.5, 'Learning rate.')
    flags.DEFINE_boolean('fake', False, 'Made-up data.')
    flags.DEFINE_bool('fast', True, 'Quick.')
    def main(argv):
        print(FLAGS.data_dir, FLAGS.steps, FLAGS.rate, FLAGS.fake, FLAGS.fast, argv[1:])
    if __name__ == '__main__':
        tf.app.run()
    """
)


def program(*arguments):
    """Status and output of the program above, started with these arguments."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr


def test_a_program_without_arguments_has_its_defaults():
    assert program()[:2] == (0, "/tmp/data 100 0.5 False True []")


def test_a_command_line_in_every_spelling():
    arguments = ("--data_dir=/d", "--steps", "7", "--rate=1e-3", "--fake", "--nofast", "left", "--other=1")
    assert program(*arguments)[:2] == (0, "/d 7 0.001 True False ['left', '--other=1']")


def test_a_wrong_value_is_named():
    status, _, errors = program("--steps=many")
    assert status == 2
    assert "--steps" in errors
    assert "many" in errors


def test_help_lists_the_flags():
    status, out, _ = program("--help")
    assert status == 0
    assert "Where the data is. (default: /tmp/data)" in out
    assert "100% of them" in out


@pytest.fixture
def arguments(monkeypatch):
    """The command line of a kernel: nothing in it is the program's."""
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py", "-f", "/run/kernel.json"])


def test_a_kernels_command_line_does_no_harm(arguments):
    tf.app.flags.DEFINE_integer("in_kernel", 5, "")
    assert FLAGS.in_kernel == 5


def test_defining_again_replaces(arguments):
    tf.app.flags.DEFINE_integer("twice", 1, "")
    tf.app.flags.DEFINE_integer("twice", 2, "")
    assert FLAGS.twice == 2


def test_a_value_can_be_assigned_and_is_checked(arguments):
    tf.flags.DEFINE_float("assigned", 1, "")
    assert isinstance(FLAGS.assigned, float)
    FLAGS.assigned = 3
    assert FLAGS.assigned == 3.0
    FLAGS.assigned = "0.25"
    assert FLAGS.assigned == 0.25
    with pytest.raises(tf.flags.FlagError, match="--assigned cannot have the value 'much'"):
        FLAGS.assigned = "much"


def test_an_unknown_flag_suggests_the_nearest(arguments):
    tf.flags.DEFINE_float("learning_rate", 0.1, "")
    with pytest.raises(AttributeError, match=r"no flag 'learing_rate' is defined\. Did you mean learning_rate"):
        FLAGS.learing_rate
    with pytest.raises(AttributeError, match="no flag 'never'"):
        FLAGS.never = 3


def test_names_of_1_5_and_old_habits(arguments):
    tf.flags.DEFINE_string(name="newer", default="x", help="")
    tf.flags.DEFINE_string(flag_name="older", default_value="y", docstring="")
    assert (FLAGS.newer, FLAGS.older) == ("x", "y")
    assert getattr(FLAGS, "__flags")["newer"] == "x"
    assert "newer" in FLAGS
    assert FLAGS._parse_flags([]) == []
    with pytest.raises(tf.flags.FlagError, match="--wrong cannot have the default 'many'"):
        tf.flags.DEFINE_integer("wrong", "many", "")


def test_values_apart_from_the_programs():
    values = FlagValues()
    values.define(tf.flags.Flag("n", 1, "", int))
    assert values(["prog", "--n=3", "x"]) == ["prog", "x"]
    assert values.flag_values_dict() == {"n": 3}


def test_run_ends_with_what_main_returned():
    for returned in (None, 0, 3):
        with pytest.raises(SystemExit) as ended:
            tf.app.run(lambda argv, status=returned: status, argv=["prog"])
        assert ended.value.code == returned


def test_in_a_notebook_nothing_is_ended(monkeypatch, arguments):
    monkeypatch.setattr("labkit.flags.in_notebook", lambda: True)
    seen = []
    tf.app.run(seen.append)
    assert seen == [["ipykernel_launcher.py"]]


def test_a_main_without_argument_is_explained():
    with pytest.raises(tf.errors.LabkitError, match="this main takes none"):
        tf.app.run(lambda: None, argv=["prog"])
