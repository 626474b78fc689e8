"""`import labkit as tf`: the names of TensorFlow 1.4, with its argument names and order.

`golden/tf1_signatures.json` holds the names in the order in which implementing them makes most public TensorFlow 1
programs run (counted over 671 examples), with the argument names of version 1.4.
"""

import importlib
import importlib.metadata
import inspect
import json
from pathlib import Path

import pytest
from packaging.version import Version

import labkit as tf
from labkit.missing import LEFT_OUT

NAMES = json.loads((Path(__file__).parent / "golden" / "tf1_signatures.json").read_text())
FIRST = list(NAMES)[:300]


OTHER_ARGUMENTS: dict[str, str] = {}


def resolve(name):
    """The object that a dotted name leads to."""
    found = tf
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LEFT_OUT])
def test_the_names_of_public_programs_are_there_with_their_arguments(name):
    found = resolve(name)
    wanted = NAMES[name]["args"]
    if wanted is None or not callable(found) or name in OTHER_ARGUMENTS:
        return
    parameters = inspect.signature(found).parameters
    positional = [p.name for p in parameters.values() if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
        return
    assert wanted == positional[: len(wanted)]


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_name_that_is_left_out_says_what_to_write_instead(name):
    """`LEFT_OUT` is the whole list; each error carries the reason that stands there."""
    with pytest.raises(AttributeError, match=r"labkit[.a-z]* has no") as caught:
        resolve(name)
    assert LEFT_OUT[name] in "\n".join(caught.value.__notes__)


def test_three_of_the_first_300_names_are_left_out():
    assert [name for name in FIRST if name in LEFT_OUT] == [
        "tf.load_op_library",
        "tf.models.embedding.gen_word2vec.neg_train",
        "tf.models.embedding.gen_word2vec.skipgram",
    ]


def test_a_misspelt_name_suggests_the_nearest():
    with pytest.raises(AttributeError, match=r"(?s)labkit has no `matmull`.*matmul"):
        tf.matmull
    with pytest.raises(AttributeError, match=r"(?s)labkit has no `contirb`.*contrib"):
        tf.contirb
    with pytest.raises(AttributeError, match=r"(?s)labkit.nn has no `sofmax`.*softmax"):
        tf.nn.sofmax
    with pytest.raises(AttributeError, match=r"(?s)labkit.train has no `AdamOptimiser`.*AdamOptimizer"):
        tf.train.AdamOptimiser


def test_every_public_name_is_listed_and_documented_with_an_example_that_runs():
    """The doctests themselves run with the test suite; here: nothing public is without one."""
    bare = []
    for module in (tf, tf.nn, tf.train, tf.layers, tf.losses, tf.errors, tf.test, tf.compat, tf.nn.rnn_cell,
                   tf.app, tf.flags, tf.gfile, tf.image, tf.logging, tf.python_io, tf.contrib.lookup, tf.data,
                   tf.summary, tf.metrics):  # fmt: skip
        for name in getattr(module, "__all__", vars(module)):
            found = getattr(module, name)
            documented = ">>>" in (inspect.getdoc(found) or "")
            if (inspect.isfunction(found) or inspect.isclass(found)) and not documented:
                bare.append(f"{module.__name__}.{name}")
    assert bare == []


def test_all_names_are_reachable():
    for module in (tf, tf.nn, tf.train, tf.layers, tf.losses, tf.test, tf.compat):
        assert len(set(module.__all__)) == len(module.__all__)
        for name in module.__all__:
            assert hasattr(module, name), name


def test_the_old_module_paths_import():
    ops = importlib.import_module("labkit.python.framework.ops")
    assert ops.reset_default_graph is tf.reset_default_graph
    input_data = importlib.import_module("labkit.examples.tutorials.mnist.input_data")
    assert tf.examples.tutorials.mnist.input_data is input_data


def test_programs_that_ask_for_the_version_find_the_one_whose_names_there_are():
    """The ways in which public programs ask; and labkit's own version is that of the package."""
    assert tf.__version__ >= "1.0"
    assert [int(part) for part in tf.__version__.split(".")[:2]] == [1, 4]
    assert Version("1.4") <= Version(tf.VERSION) < Version("1.5")
    assert Version(tf.VERSION).local == f"labkit.{importlib.metadata.version('labkit')}"
