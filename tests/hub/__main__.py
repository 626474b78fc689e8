"""A workshop of twenty on this machine, from nine o'clock to the crash: `make test-hub`.

    python -m tests.hub [--learners 20]

Twenty learners log in over HTTP at the same moment, each runs notebook 02, two of them in a browser with its view. Each
tries what is another's. Then the hub and five servers are killed in the middle of a training, all begin again, and what
was saved is compared. Every line is a figure; those that must be 0 decide the exit status.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from tests.browser.lab import CHROMIUM
from tests.hub import browser
from tests.hub.hub import Hub, HubError, Kernel, Learner
from tests.hub.isolation import note, requests_to, trespass, trespassers
from tests.hub.leaks import leaks

NOTEBOOK = "02_getting_started"
IN_BROWSERS, MOST_MEGABYTES = 2, 400
PICTURES = Path(tempfile.gettempdir()) / "labkit-hub"

TRAINING = """
import time
import labkit as tf
with tf.Graph().as_default(), tf.Session() as session:
    w, step = tf.Variable(0, name="w"), tf.train.get_or_create_global_step()
    both = tf.group(w.assign_add(1), step.assign_add(1))
    saver = tf.train.Saver()
    session.run(tf.global_variables_initializer())
    while True:
        session.run(both)
        saver.save(session, "training", global_step=step)
        print(session.run(step), flush=True)
        time.sleep(0.2)
"""
RESUMING = """
import labkit as tf
with tf.Graph().as_default(), tf.Session() as session:
    w, step = tf.Variable(0, name="w"), tf.train.get_or_create_global_step()
    tf.train.Saver().restore(session, tf.train.latest_checkpoint("."))
    print(*session.run([w, step]))
"""


class Room:
    """What happens to everybody in it, and what went wrong.

    Args:
        hub: where.
        count: how many come.
    """

    def __init__(self, hub: Hub, count: int) -> None:
        self.hub = hub
        self.learners = [Learner(hub, f"learner{number:02d}") for number in range(1, count + 1)]
        self.kernels: dict[str, Kernel] = {}
        self.wrong = 0

    def all_do(self, what: Callable[[Learner], Any], learners: list[Learner] | None = None) -> dict[str, Any]:
        """At the same time; returns what each got, or the error that each met."""

        def one(learner: Learner) -> Any:
            try:
                return what(learner)
            except Exception as error:
                return HubError(f"{type(error).__name__}: {error}")

        chosen = self.learners if learners is None else learners
        with ThreadPoolExecutor(max(len(chosen), 1)) as pool:
            return dict(zip([learner.name for learner in chosen], pool.map(one, chosen), strict=True))

    def none_of(self, what: str, met: dict[str, Any]) -> None:
        """Says how many of these things happened, of which there should be none, and which."""
        bad = {name: each for name, each in met.items() if each}
        self.wrong += len(bad)
        say(what, len(bad))
        for name, each in bad.items():
            print(f"    {name}: {' '.join(str(each).split())[:400]}", flush=True)

    def enter(self, learner: Learner) -> float:
        """From the log-in to JupyterLab; returns when, in seconds of this machine's clock."""
        learner.log_in()
        if not learner.logged_in():
            raise HubError("not logged in")
        learner.start_server()
        return time.monotonic()

    def run(self, learner: Learner) -> list[str]:
        """Runs the notebook in a kernel that stays; returns the errors of its cells."""
        kernel = self.kernels[learner.name] = Kernel(learner)
        return kernel.run_notebook(NOTEBOOK)


def say(what: str, figure: object) -> None:
    """A line."""
    print(f"{what + ' ':.<58} {figure}", flush=True)


def seconds(since: float) -> str:
    """How long ago that was."""
    return f"{time.monotonic() - since:.1f} s"


def main() -> int:
    """Runs it all; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.hub", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--learners", type=int, default=20, help="how many come")
    count = parser.parse_args().learners
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(Path(folder))
        try:
            wrong = workshop(hub, count)
        finally:
            hub.stop()
            PICTURES.mkdir(exist_ok=True)
            shutil.copy(hub.log, PICTURES)
    with tempfile.TemporaryDirectory() as folder:
        wrong += afternoon(Hub(Path(folder), LABKIT_NO_CACHE="1", LABKIT_HUB_IDLE="20"))
    print("All is well." if not wrong else f"{wrong} things went wrong.")
    return int(wrong > 0)


def workshop(hub: Hub, count: int) -> int:
    """The morning; returns how much went wrong."""
    say("the hub answers after", f"{hub.start():.1f} s")
    began = time.monotonic()
    while not any((hub.folder / "seed").glob("jaxlib-*/*")) or any(
        "warm" in " ".join(p.cmdline()) for p in hub.processes()
    ):
        time.sleep(1)
    say("in the background notebooks 01 to 03 are compiled after", seconds(began))
    room = Room(hub, count)
    with contextlib.ExitStack() as stack:
        for learner in room.learners:
            stack.enter_context(learner.http)
        morning(room)
        isolation(room)
        crash(room)
        began = time.monotonic()
        left = hub.stop()
        room.none_of("processes left after the end", dict.fromkeys(left, "still ran"))
        say("the end took", seconds(began))
    return room.wrong


def morning(room: Room) -> None:
    """All log in, get a server, and run the notebook."""
    in_browsers = room.learners[:IN_BROWSERS] if CHROMIUM else []
    others = room.learners[len(in_browsers) :]
    seen = dict[str, Any]()
    began = time.monotonic()
    pages = threading.Thread(target=browse, args=(room, in_browsers, seen))
    pages.start()
    ready = room.all_do(room.enter, others)
    room.none_of(f"log-ins and servers that failed, of {len(others)} over HTTP", errors(ready))
    say(
        "all of these servers are ready after",
        f"{max(t for t in ready.values() if isinstance(t, float)) - began:.1f} s",
    )
    began_notebook = time.monotonic()
    ran = room.all_do(room.run, others)
    room.none_of(f"notebooks that failed, of {len(others)} over HTTP", ran)
    say("these notebooks took", seconds(began_notebook))
    pages.join()
    room.none_of(f"learners in a browser for whom something failed, of {len(in_browsers)}", errors(seen) | {
        name: each.errors for name, each in seen.items() if isinstance(each, browser.Seen)
    })  # fmt: skip
    waits = [f"{each.seconds:.1f} s" for each in seen.values() if isinstance(each, browser.Seen)]
    say("from their form to the first notebook on the page", ", ".join(waits))
    say("what they saw, and at the end the log", PICTURES)
    used = {learner.name: learner.memory() for learner in others}
    say(
        "memory per learner, server and kernel (PSS)",
        f"{statistics.mean(used.values()):.0f} MB, at most {max(used.values()):.0f} MB",
    )
    over = {name: f"{megabytes:.0f} MB" for name, megabytes in used.items() if megabytes > MOST_MEGABYTES}
    room.none_of(f"  of these with more than {MOST_MEGABYTES} MB", over)
    two = [learner.memory() for learner in in_browsers]
    say("  in a browser, where notebook 00 is open, too", ", ".join(f"{megabytes:.0f} MB" for megabytes in two))
    for learner in in_browsers:  # over HTTP, too, for what comes now
        room.enter(learner)
        room.kernels[learner.name] = Kernel(learner)


def browse(room: Room, learners: list[Learner], seen: dict[str, Any]) -> None:
    """Those in a browser, one after another; each while the others work."""
    PICTURES.mkdir(exist_ok=True)
    with browser.chromium() as chromium:
        for learner in learners:
            try:
                seen[learner.name] = browser.work(chromium, room.hub, learner.name, PICTURES / f"{learner.name}.png")
            except Exception as error:
                seen[learner.name] = HubError(f"{type(error).__name__}: {error}")


def errors(met: dict[str, Any]) -> dict[str, Any]:
    """Of what each met, the errors."""
    return {name: each for name, each in met.items() if isinstance(each, Exception)}


def isolation(room: Room) -> None:
    """Each asks for all that is the next one's; one guesses passwords; secrets are looked for."""
    following = dict(
        zip([learner.name for learner in room.learners], [*room.learners[1:], room.learners[0]], strict=True)
    )

    def ask(learner: Learner) -> list[str]:
        whose = following[learner.name]
        theirs = room.kernels[whose.name]
        with trespassers(learner, room.kernels[learner.name]) as all_:
            return [path for who in all_ for path in trespass(who, whose, theirs)]

    met = room.all_do(ask)
    asked = 3 * (len(requests_to(room.learners[0], room.kernels[room.learners[0].name])) + 1) * len(room.learners)
    room.none_of(f"of {asked} requests for what is another's, granted", met)
    began = time.monotonic()
    with Learner(room.hub, "eve", "a guess or two") as eve:
        answers = [eve.log_in().status_code for _ in range(50)]
    say(f"of 50 wrong passwords in {seconds(began)}, looked at", answers.count(403))
    room.none_of("  and let in", {"eve": sum(code < 400 for code in answers)})
    room.none_of("secrets in notebooks and logs", dict.fromkeys(leaks(room.hub, room.learners), "found"))


def crash(room: Room) -> None:
    """All save their work; while a quarter trains, their servers and the hub are killed; all begin again."""
    few = max(len(room.learners) // 4, 1)
    hub, living, killed = room.hub, room.learners[:-few], room.learners[-few:]
    saved = room.all_do(lambda learner: save(learner, room.kernels[learner.name]))
    room.none_of("learners who could not save", errors(saved))
    say("of those who share their progress, in the room", len(list((hub.folder / "room").glob("*.json"))))
    told: dict[str, list[int]] = {learner.name: [] for learner in killed}

    def train(learner: Learner) -> None:
        with contextlib.suppress(Exception):  # its server is killed
            room.kernels[learner.name].run(TRAINING, lambda text: told[learner.name].extend(map(int, text.split())))

    trainings = [threading.Thread(target=train, args=(learner,)) for learner in killed]
    for training in trainings:
        training.start()
    waited = time.monotonic()
    while min(map(len, told.values())) < 5 and time.monotonic() < waited + 120:
        time.sleep(0.1)
    began = time.monotonic()
    hub.kill()
    servers = [p for learner in killed for p in hub.processes(learner.name) if "singleuser" in " ".join(p.cmdline())]
    for server in servers:
        server.kill()
    for training in trainings:
        training.join()
    say(f"killed while {len(killed)} train: the hub, and servers", len(servers))
    room.none_of("servers that could not be killed", {} if len(servers) == len(killed) else {"?": len(servers)})
    say("the hub answers again after", f"{hub.start():.1f} s")
    # A page that is open asks again and again: neither hub nor server needs anything of the learner.
    met = room.all_do(lambda learner: not goes_on(learner, room.kernels[learner.name]), living)
    room.none_of(f"of {len(living)} other learners, with anything lost from memory", met)
    orphans = [p for learner in killed for p in hub.processes(learner.name)]
    _, left = psutil.wait_procs(orphans, timeout=20)
    room.none_of("kernels that outlived their server", {str(p.pid): "still runs" for p in left})
    again = room.all_do(room.enter, killed)
    room.none_of(f"of {len(killed)} whose server was killed, without a new one", errors(again))
    say("all are back after", seconds(began))
    lost = room.all_do(lambda learner: what_is_lost(learner, saved[learner.name], told.get(learner.name)))
    room.none_of("saved notebooks, answers and trainings that are lost", lost)


def save(learner: Learner, kernel: Kernel) -> dict[str, Any]:
    """Work of all kinds: a changed notebook, a right answer, something in memory; returns the notebook."""
    notebook = learner.notebook(NOTEBOOK)
    notebook["cells"][0]["source"] = f"what {learner.name} wrote"
    learner.save(NOTEBOOK, notebook)
    source = f"from labkit.check import check, share; check('02.3', 0.025); share(); mine = {learner.name!r}"
    said, error = kernel.run(source)
    if error or "02.3 right" not in said:
        raise HubError(f"{said} {error}")
    return learner.notebook(NOTEBOOK)


def goes_on(learner: Learner, kernel: Kernel) -> bool:
    """Whether they are still logged in and their kernel knows what it knew."""
    return learner.logged_in() and kernel.run("print(mine)") == (f"{learner.name}\n", "")


def what_is_lost(learner: Learner, saved: Any, told: list[int] | None) -> list[str]:
    """What of the saved work is not there.

    Args:
        learner: whose.
        saved: the notebook.
        told: the steps of the training that were said to be saved; None if there was none.
    """
    lost = [] if learner.notebook(NOTEBOOK)["cells"] == saved["cells"] else ["the notebook"]
    with Kernel(learner) as kernel:
        said, error = kernel.run("from labkit.progress import Book; print(Book.own().entries()['02.3'].right)")
        lost += [] if said == "True\n" else [f"the answer: {said} {error}"]
        if told is not None:
            said, error = kernel.run(RESUMING)
            steps = [int(word) for word in said.split()]
            # What was told was saved; the kernel may have come further before it noticed.
            if len(steps) != 2 or steps[0] != steps[1] or not told or steps[1] < told[-1]:
                lost.append(f"the training: step {told[-1:]} was saved, now {said} {error}")
    return lost


def afternoon(hub: Hub) -> int:
    """A hub that ends idle servers, and a learner whose disk is full; returns how much went wrong."""
    room = Room(hub, 2)
    with hub, room.learners[0].http, room.learners[1].http:
        culling(room, room.learners[0])
        full_disk(room, room.learners[1])
    return room.wrong


def culling(room: Room, learner: Learner) -> None:
    """A server that nobody uses is ended; its files stay."""
    room.enter(learner)
    learner.api("PUT", "contents/mine.txt", json=note("kept"))
    began = time.monotonic()
    while room.hub.processes(learner.name) and time.monotonic() < began + 120:
        time.sleep(0.5)
    room.none_of("idle servers that were not ended", dict.fromkeys(room.hub.processes(learner.name), "runs"))
    say("a server that may be idle for 20 s is ended after", seconds(began))
    room.enter(learner)
    content = learner.api("GET", "contents/mine.txt")["content"]
    room.none_of("  and its file lost", {} if content == "kept" else {"mine.txt": content})


def full_disk(room: Room, learner: Learner) -> None:
    """Who has filled their disk can still log in, and make room."""
    learner.home.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(learner.home)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        say("a learner whose disk is full", "not tried: it takes root to make a small one")
        return
    elsewhere = list[str]()  # where its server writes what it must
    try:
        (learner.home / "notebooks").mkdir()
        (learner.home / "notebooks" / "mine.txt").write_text("kept")
        with contextlib.suppress(OSError):
            (learner.home / "large").write_bytes(bytes(1_000_000))

        def make_room(learner: Learner) -> str:
            room.enter(learner)
            kept = learner.api("GET", "contents/notebooks/mine.txt")["content"]
            learner.api("DELETE", "contents/large")
            learner.api("PUT", "contents/new.txt", json=note("there is room"))
            with Kernel(learner) as kernel:
                said, error = kernel.run("import os; print(os.environ['JUPYTER_RUNTIME_DIR'])")
            elsewhere.append(said.strip())
            return error or ("" if kept == "kept" else kept)

        room.none_of("learners kept out, or without their work, by a full disk", room.all_do(make_room, [learner]))
        learner.stop_server()
        while learner.stopping():
            time.sleep(0.2)
    finally:
        subprocess.run(["umount", "--lazy", str(learner.home)], check=True)
        for folder in elsewhere:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
