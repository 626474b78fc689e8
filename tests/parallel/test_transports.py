"""Transports measured: what is told, what is left behind, and what happens where something is missing. No times."""

from __future__ import annotations

import multiprocessing.shared_memory as shared
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from labkit.cluster.errors import ClusterError
from labkit.errors import GraphError
from labkit.parallel import AllReduce, ParameterServers, measure_transports, transports
from labkit.parallel.transport_peer import exactly

SHORT = {"megabytes": 1, "seconds": 0.01}


@pytest.fixture
def made(monkeypatch):
    """The processes and segments that are made, noted."""
    found = {"processes": [], "segments": []}

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            found["processes"].append(self)

    class SharedMemory(shared.SharedMemory):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            found["segments"].append(self.name)

    monkeypatch.setattr(transports.subprocess, "Popen", Popen)
    monkeypatch.setattr(shared, "SharedMemory", SharedMemory)
    return found


def check_nothing_is_left(made, processes=1):
    assert (len(made["processes"]), len(made["segments"])) == (processes, 1)
    assert all(process.poll() is not None for process in made["processes"])
    monkey = shared.SharedMemory.__mro__[1]  # the class itself, without the notes
    with pytest.raises(FileNotFoundError):
        monkey(made["segments"][0])


def test_three_transports_are_measured_and_nothing_is_left(made):
    """Each has a latency and a bandwidth, and serves as a transport."""
    measured = measure_transports(**SHORT)
    assert list(measured) == ["local", "rpc", "rdma"]
    assert not measured.missing
    for name, one in measured.items():
        assert one.name == name
        assert 0 < one.latency_seconds < 1
        assert 1e5 < one.bytes_per_second < 1e15
        way = ParameterServers(transport=one)
        assert way.pull_seconds(1, 3e6) == one.latency_seconds + 3e6 / one.bytes_per_second
    lines = repr(measured).splitlines()
    assert lines[0].split() == ["transport", "latency", "bandwidth", "assumed", "elsewhere", "how"]
    assert [line.split()[0] for line in lines[1:]] == ["local", "rpc", "rdma"]
    assert all("B/s" in line and "s, " in line for line in lines[1:])
    assert "TCP between two processes" in lines[2]
    assert AllReduce("hierarchical", transport=measured["rpc"], local=measured["rdma"]).step_seconds(16, 0, 1e6) > 0
    check_nothing_is_left(made)


@pytest.mark.parametrize("stage", ["_tcp", "_shared"])
def test_nothing_is_left_when_it_is_interrupted(made, monkeypatch, stage):
    """The learner presses stop while it measures."""

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(transports, stage, stop)
    with pytest.raises(KeyboardInterrupt):
        measure_transports(**SHORT)
    check_nothing_is_left(made)


def test_where_there_is_no_shared_memory_it_is_said(monkeypatch):
    """The others are there all the same."""

    def none(*_, **__):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(shared, "SharedMemory", none)
    measured = measure_transports(**SHORT)
    assert list(measured) == ["local", "rpc"]
    assert "rdma" not in measured
    assert measured.names == ("local", "rpc", "rdma")
    why = "no shared memory (OSError: [Errno 38] Function not implemented)"
    assert repr(measured).splitlines()[3].endswith(f"not here: {why}")
    with pytest.raises(GraphError, match="'rdma' could not be measured: no shared memory"):
        measured["rdma"]


def test_where_there_is_no_loopback_it_is_said(monkeypatch, made):
    """Then there is no second process, and the memory is given back."""

    def none(*_, **__):
        raise PermissionError("not allowed here")

    monkeypatch.setattr(socket, "create_server", none)
    measured = measure_transports(**SHORT)
    assert list(measured) == ["local"]
    assert set(measured.missing) == {"rpc", "rdma"}
    assert "PermissionError: not allowed here" in measured.missing["rpc"]
    check_nothing_is_left(made, processes=0)


@pytest.mark.parametrize(
    ("program", "names"),
    [
        ("raise SystemExit", ["local"]),
        ("import time; time.sleep(60)", ["local"]),
        # It says that it is ready, and then is gone.
        ("import socket, sys; key = sys.stdin.buffer.read(16)\n"
         "s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); s.sendall(key)\n"
         "sys.stdout.buffer.write(b'+'); sys.stdout.buffer.flush()", ["local"]),
    ],
    ids=["ends", "hangs", "answers and ends"],
)  # fmt: skip
def test_a_process_that_does_not_answer_is_said_and_ended(program, names, made, monkeypatch, tmp_path):
    """It does not hang."""
    Path(tmp_path, "peer.py").write_text(program, encoding="utf-8")
    monkeypatch.setattr(transports, "_PEER", Path(tmp_path, "peer.py"))
    monkeypatch.setattr(transports, "_PATIENCE", 1.0)
    measured = measure_transports(**SHORT)
    assert list(measured) == names
    assert set(measured.missing) == {"rpc", "rdma"}
    check_nothing_is_left(made)


def test_strangers_on_the_port_are_sent_away(monkeypatch):
    """Another program connects first, and says something else."""
    created, strangers = socket.create_server, []

    def server(*arguments, **options):
        listener = created(*arguments, **options)
        strangers.append(socket.create_connection(listener.getsockname()))
        strangers[0].sendall(b"I am the one you wait for" * 2)
        return listener

    monkeypatch.setattr(socket, "create_server", server)
    assert list(measure_transports(**SHORT)) == ["local", "rpc", "rdma"]
    strangers[0].settimeout(5)
    with strangers[0] as stranger, suppress(ConnectionResetError):
        assert stranger.recv(1) == b""


def test_a_message_that_breaks_off_is_none():
    """Half of it does not pass for the whole."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"1234")
        assert exactly(here, 4) == b"1234"
        there.sendall(b"12")
        there.close()
        assert exactly(here, 4) == b""


_SCRIPT = "from labkit.parallel import measure_transports\nprint(len(measure_transports(1, 0.01)))"


def test_it_runs_in_a_script_without_a_guard_and_in_a_notebook(tmp_path):
    """Whoever measures is not run a second time."""
    Path(tmp_path, "script.py").write_text("print('once')\n" + _SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", "-X", "dev", str(Path(tmp_path, "script.py"))],
                          capture_output=True, text=True, check=True, timeout=120)  # fmt: skip
    assert done.stdout.split() == ["once", "3"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(_SCRIPT)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert notebook.cells[0].outputs[0].text.strip() == "3"


def test_wrong_calls_are_said():
    """In the words of the machine."""
    for arguments, message in [
        ((0,), "the size of a message in megabytes is 0"), (("16",), "the size of a message in megabytes is '16'"),
        ((1.5,), "whole number"), ((1, 0), "the time for each figure is 0 seconds"),
        ((1, float("nan")), "the time for each figure"),
    ]:  # fmt: skip
        with pytest.raises(ClusterError, match=message):
            measure_transports(*arguments)
    measured = transports.Transports({"local": transports.Transport("local", 1e-6, 1e9)})
    with pytest.raises(GraphError, match="there is no transport 'tcp'; there are local"):
        measured["tcp"]
    with pytest.raises(GraphError, match=r"measured\['rpc'\]"):
        ParameterServers(transport=measured)
