"""`tf.app.flags`: settings of a program that its command line can change.

A program defines flags with a default; `FLAGS` has their values. The command line is read when a value is first asked
for, or by `tf.app.run()`. `--steps=3`, `--steps 3`, `--fast`, `--nofast` and `--fast=false` are understood; what is not
a flag of the program is left for `main`.

In a notebook nothing is read: the command line there is the kernel's. Change a value by assigning, `FLAGS.steps = 3`.
Defining a flag again replaces it, so that a cell can be run twice.

Example:
    >>> import labkit as tf
    >>> tf.app.flags.DEFINE_integer("steps_of_example", 100, "How many steps to train.")
    >>> tf.app.flags.FLAGS.steps_of_example
    100

Source: `tensorflow/python/platform/flags.py` (1.4), which reads the command line with argparse too.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from labkit.errors import LabkitError, UnknownNameError

__all__ = [
    "FLAGS",
    "DEFINE_bool",
    "DEFINE_boolean",
    "DEFINE_enum",
    "DEFINE_float",
    "DEFINE_integer",
    "DEFINE_list",
    "DEFINE_string",
    "FlagError",
    "FlagValues",
    "mark_flag_as_required",
]  # fmt: skip


class FlagError(LabkitError, ValueError):
    """A flag has a value that does not fit it.

    Example:
        >>> import labkit as tf
        >>> issubclass(tf.flags.FlagError, ValueError)
        True
    """


class Flag:
    """One setting.

    Args:
        name: what the command line calls it.
        default: its value unless something else is said.
        help: a sentence for `--help`.
        parse: from text to value.
        boolean: understands `--name` and `--noname`.
    """

    def __init__(self, name: str, default: Any, help: str, parse: Callable[[str], Any], boolean: bool = False) -> None:
        self.name = name
        self.help = help or ""
        self.parse = parse
        self.boolean = boolean
        self.required = False
        self.default = self.value = self.checked(default)

    def checked(self, value: Any) -> Any:
        """`value` as the flag keeps it.

        Raises:
            FlagError: if it does not fit.
        """
        if value is None:
            return None
        try:
            return self.parse(value) if isinstance(value, str) or self.parse in (int, float) else value
        except ValueError as error:
            raise FlagError(f"the flag --{self.name} cannot have the value {value!r}: {error}.") from None


class FlagValues:
    """The flags of the program and their values: `FLAGS.name`.

    Example:
        >>> import labkit as tf
        >>> values = tf.flags.FlagValues()
        >>> values.define(tf.flags.Flag("rate", 0.5, "", float))
        >>> values(["program", "--rate=0.25", "other"])
        ['program', 'other']
        >>> values.rate
        0.25
    """

    def __init__(self) -> None:
        self.__dict__.update(_flags={}, _parsed=False)

    def define(self, flag: Flag) -> None:
        """Adds a flag, or replaces the one of that name."""
        if not flag.name.isidentifier() and not flag.name.replace("-", "_").isidentifier():
            raise FlagError(f"{flag.name!r} is not a name for a flag: letters, digits and underscores.")
        self._flags[flag.name] = flag
        self.__dict__["_parsed"] = False  # its value may be on the command line

    def __call__(self, argv: Sequence[str]) -> list[str]:
        """Reads a command line, program name first; returns what is not a flag."""
        return [*argv[:1], *self._parse_flags(list(argv[1:]))]

    def _parse_flags(self, args: Sequence[str] | None = None) -> list[str]:
        """Reads the arguments (those of the process if None); returns what is not a flag."""
        parser = argparse.ArgumentParser(allow_abbrev=False, argument_default=argparse.SUPPRESS)
        for flag in self._flags.values():
            help = f"{flag.help} (default: {flag.default})".replace("%", "%%")
            if flag.boolean:
                parser.add_argument(
                    f"--{flag.name}", nargs="?", const=True, type=_checked_by(flag), help=help, dest=flag.name
                )
                parser.add_argument(f"--no{flag.name}", action="store_false", dest=flag.name, help=argparse.SUPPRESS)
            else:
                parser.add_argument(f"--{flag.name}", type=_checked_by(flag), help=help, dest=flag.name)
        found, rest = parser.parse_known_args(_command_line() if args is None else list(args))
        self.__dict__["_parsed"] = True
        for name, value in vars(found).items():
            self._flags[name].value = value
        missing = [flag.name for flag in self._flags.values() if flag.required and flag.value is None]
        if missing and not in_notebook():
            parser.error(f"these flags must be given: {', '.join('--' + name for name in missing)}")
        return rest

    def __getattr__(self, name: str) -> Any:
        if name in ("_flags", "_parsed"):
            raise AttributeError(name)  # while a copy is made
        if name == "__flags":  # what programs of 2017 read to print all
            return self.flag_values_dict()
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._flags:
            near = difflib.get_close_matches(name, list(self), n=3)
            guess = f"Did you mean {' or '.join(near)}? " if near else ""
            raise UnknownNameError(
                f"no flag {name!r} is defined. {guess}",
                f"tf.app.flags.DEFINE_string({name!r}, 'value', 'What it is.').",
            )
        if not self._parsed:
            self._parse_flags()
        return self._flags[name].value

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._flags:
            return self.__getattr__(name)  # raises the error that names the nearest
        if not self._parsed:
            self._parse_flags()
        self._flags[name].value = self._flags[name].checked(value)
        return None

    def flag_values_dict(self) -> dict[str, Any]:
        """All values by name."""
        return {name: getattr(self, name) for name in self._flags}

    def __getitem__(self, name: str) -> Flag:
        return self._flags[name]

    def __contains__(self, name: str) -> bool:
        return name in self._flags

    def __iter__(self) -> Iterator[str]:
        return iter(self._flags)

    def __dir__(self) -> list[str]:
        return [*self._flags, "flag_values_dict"]


FLAGS = FlagValues()


def in_notebook() -> bool:
    """True where IPython runs the program, so that the command line is not the program's own."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def _command_line() -> list[str]:
    return [] if in_notebook() else sys.argv[1:]


def _checked_by(flag: Flag) -> Callable[[str], Any]:
    """For argparse: text to value, with the message that argparse shows."""

    def check(text: str) -> Any:
        try:
            return flag.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None

    return check


def _truth(text: str) -> bool:
    lowered = str(text).lower()
    if lowered in ("true", "t", "1", "yes", "y"):
        return True
    if lowered in ("false", "f", "0", "no", "n"):
        return False
    raise ValueError("it must be true or false")


def _whole(value: Any) -> int:
    if isinstance(value, str):
        return int(value, 0)
    if isinstance(value, bool) or int(value) != value:
        raise ValueError("it must be a whole number")
    return int(value)


def _define(
    flag_name: Any, default_value: Any, docstring: Any, newer: dict[str, Any], parse: Callable[[Any], Any],
    boolean: bool = False,
) -> None:  # fmt: skip
    """Defines a flag; `newer` are the argument names of TensorFlow 1.5: name, default, help."""
    unknown = set(newer) - {"name", "default", "help", "short_name"}
    if unknown:
        raise TypeError(f"a flag has no argument {unknown.pop()!r}; there are flag_name, default_value, docstring.")
    name = newer.get("name", flag_name)
    if not isinstance(name, str):
        raise FlagError(f"a flag needs a name, and {name!r} is not text.")
    flag = Flag(name, None, newer.get("help", docstring), parse, boolean)
    default = newer.get("default", default_value)
    flag.default = flag.value = None if default is None else _default(flag, default)
    FLAGS.define(flag)


def _default(flag: Flag, default: Any) -> Any:
    try:
        return flag.parse(default)
    except (ValueError, TypeError) as error:
        raise FlagError(f"the flag --{flag.name} cannot have the default {default!r}: {error}.") from None


def DEFINE_string(  # noqa: N802  # TensorFlow's name
    flag_name: str | None = None, default_value: str | None = None, docstring: str = "", **newer: Any
) -> None:
    """Defines a flag whose value is text.

    Args:
        flag_name: its name (`name` in TensorFlow 1.5).
        default_value: its value if the command line does not say (`default`).
        docstring: what `--help` says of it (`help`).
        **newer: the names of 1.5.

    Example:
        >>> import labkit as tf
        >>> tf.app.flags.DEFINE_string("folder_of_example", "/tmp/data", "Where the data is.")
        >>> tf.app.flags.FLAGS.folder_of_example
        '/tmp/data'
    """
    _define(flag_name, default_value, docstring, newer, str)


def DEFINE_integer(  # noqa: N802  # TensorFlow's name
    flag_name: str | None = None, default_value: int | None = None, docstring: str = "", **newer: Any
) -> None:
    """Defines a flag whose value is a whole number; arguments as for `DEFINE_string`.

    Example:
        >>> import labkit as tf
        >>> tf.app.flags.DEFINE_integer("batch_of_example", 32, "Examples per step.")
        >>> tf.app.flags.FLAGS.batch_of_example
        32
    """
    _define(flag_name, default_value, docstring, newer, _whole)


def DEFINE_float(  # noqa: N802  # TensorFlow's name
    flag_name: str | None = None, default_value: float | None = None, docstring: str = "", **newer: Any
) -> None:
    """Defines a flag whose value is a number; arguments as for `DEFINE_string`.

    Example:
        >>> import labkit as tf
        >>> tf.app.flags.DEFINE_float("rate_of_example", 0.5, "Learning rate.")
        >>> tf.app.flags.FLAGS.rate_of_example
        0.5
    """
    _define(flag_name, default_value, docstring, newer, float)


def DEFINE_boolean(  # noqa: N802  # TensorFlow's name
    flag_name: str | None = None, default_value: bool | None = None, docstring: str = "", **newer: Any
) -> None:
    """Defines a flag that is True or False: `--name`, `--noname`, `--name=false`; arguments as for `DEFINE_string`.

    Example:
        >>> import labkit as tf
        >>> tf.app.flags.DEFINE_boolean("fake_of_example", False, "Use made-up data.")
        >>> tf.app.flags.FLAGS.fake_of_example
        False
    """
    _define(flag_name, default_value, docstring, newer, _truth, boolean=True)


DEFINE_bool = DEFINE_boolean


def DEFINE_enum(name: str, default: str | None, enum_values: Sequence[str], help: str = "") -> None:  # noqa: N802
    """Defines a flag whose value is one of some words (TensorFlow 1.5).

    Example:
        >>> import labkit as tf
        >>> tf.app.flags.DEFINE_enum("mode_of_example", "train", ["train", "eval"], "What to do.")
        >>> tf.app.flags.FLAGS.mode_of_example
        'train'
    """

    def parse(text: str) -> str:
        if text not in enum_values:
            raise ValueError(f"it must be one of {', '.join(enum_values)}")
        return text

    _define(name, default, help, {}, parse)


def DEFINE_list(name: str, default: Any, help: str = "") -> None:  # noqa: N802  # TensorFlow's name
    """Defines a flag whose value is a list of words, separated by commas (TensorFlow 1.5).

    Example:
        >>> import labkit as tf
        >>> tf.app.flags.DEFINE_list("hosts_of_example", "a,b", "The hosts.")
        >>> tf.app.flags.FLAGS.hosts_of_example
        ['a', 'b']
    """

    def parse(value: Any) -> list[str]:
        if isinstance(value, str):
            return [word.strip() for word in value.split(",")] if value else []
        return list(value)

    _define(name, default, help, {}, parse)


def mark_flag_as_required(flag_name: str) -> None:
    """Makes it an error to start the program without this flag (TensorFlow 1.5); in a notebook it stays None.

    Example:
        >>> import labkit as tf
        >>> tf.app.flags.DEFINE_string("input_of_example", "here", "What to read.")
        >>> tf.app.flags.mark_flag_as_required("input_of_example")
    """
    if flag_name not in FLAGS:
        raise UnknownNameError(f"no flag {flag_name!r} is defined.")
    FLAGS[flag_name].required = True
