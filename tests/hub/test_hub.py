"""A real hub with two learners: each has their own, nobody has another's. `make test-hub` is the room of twenty.

Every refusal has its control beside it: the same request by whom it belongs to is granted.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from websocket import WebSocketBadStatusException

from tests.hub.hub import PASSWORD, ROOT, Hub, Kernel, Learner
from tests.hub.isolation import granted, note, requests_to, trespass, trespassers
from tests.hub.leaks import leaks

pytest.importorskip("jupyterhub", reason="jupyterhub is not installed")

NOTEBOOKS = ("00_start.ipynb", "01_hello_graph.ipynb")
pytestmark = pytest.mark.usefixtures("proxy")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of two notebooks, for the instructor to change."""
    folder = tmp_path_factory.mktemp("course")
    for name in NOTEBOOKS:
        shutil.copy(ROOT / "notebooks" / name, folder)
    return folder


@pytest.fixture(scope="module")
def hub(proxy: None, tmp_path_factory: pytest.TempPathFactory, course: Path) -> Iterator[Hub]:
    """A hub for two, with some compiled code to seed. When it has ended, nothing of it runs."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "seed" / "jaxlib-x").mkdir(parents=True)
    (folder / "seed" / "jaxlib-x" / "entry").write_text("compiled")
    hub = Hub(folder, LABKIT_HUB_SERVERS="2", LABKIT_HUB_COURSE=str(course))
    try:
        hub.start()
        yield hub
    finally:
        left = hub.stop()
    assert left == []


@pytest.fixture(scope="module")
def learners(hub: Hub) -> Iterator[tuple[Learner, Learner]]:
    """Ada and bob, whose servers start at the same time."""
    with Learner(hub, "ada") as ada, Learner(hub, "bob") as bob, ThreadPoolExecutor() as pool:
        assert list(pool.map(enter, (ada, bob))) == [None, None]
        yield ada, bob


@pytest.fixture
def ada(learners: tuple[Learner, Learner]) -> Learner:
    """Somebody with a server."""
    return learners[0]


@pytest.fixture
def bob(learners: tuple[Learner, Learner]) -> Learner:
    """Somebody else with a server."""
    return learners[1]


def enter(learner: Learner) -> None:
    """From the log-in to JupyterLab."""
    learner.log_in()
    learner.start_server()


def test_each_learner_has_the_course_and_begins_at_its_first_notebook(ada, bob):
    """In a folder of their own."""
    for learner in (ada, bob):
        assert {file["name"] for file in learner.api("GET", "contents/notebooks")["content"]} == set(NOTEBOOKS)
        assert str(learner.http.get(f"/user/{learner.name}/").url).endswith("/lab/tree/notebooks/00_start.ipynb")
    ada.api("PUT", "contents/mine.txt", json=note("ada's"))
    assert (ada.home / "mine.txt").read_text() == "ada's"
    assert "mine.txt" not in {file["name"] for file in bob.api("GET", "contents/")["content"]}


def test_a_learner_gets_compiled_code_of_their_own(hub, ada, bob):
    """A copy: what one writes there, the others do not run."""
    folders = [learner.home / ".cache" / "labkit" / "jax" for learner in (ada, bob)]
    (folders[0] / "jaxlib-x" / "entry").write_text("something else")
    assert (folders[1] / "jaxlib-x" / "entry").read_text() == "compiled"
    assert (hub.folder / "seed" / "jaxlib-x" / "entry").read_text() == "compiled"
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in folders)
    with Kernel(bob) as kernel:
        said, error = kernel.run("import os; print(os.environ['JAX_COMPILATION_CACHE_DIR'])")
    assert error == ""
    assert Path(said.strip()).parent == folders[1]


def test_what_is_anothers_is_refused(hub, ada, bob):
    """Files, server, kernels, tokens: by cookies, by one's own server's token, and without either."""
    bob.api("PUT", "contents/note.txt", json=note("bob's"))
    with Kernel(bob) as theirs, Kernel(ada) as own, trespassers(ada, own) as all_:
        for who in all_:
            assert trespass(who, bob, theirs) == []
        assert theirs.run("print(1 + 1)") == ("2\n", "")
        assert (bob.home / "note.txt").read_text() == "bob's"
        assert len(trespass(bob, bob, theirs)) == len(requests_to(bob, theirs)) + 1


def test_what_is_the_instructors_is_refused(ada):
    """And nobody leaves their folder."""
    with Kernel(ada) as own, trespassers(ada, own) as all_:
        for who in all_:
            for path in ("/hub/admin", "/hub/api/users", "/hub/api/proxy", "/hub/api/services"):
                assert not granted(who, "GET", path), path
    assert ada.ask("GET", "/user/ada/api/contents/..%2Fbob").status_code == 404


def test_what_another_page_sends_in_a_learners_name_is_refused(ada):
    """Cookies alone are not enough: it lacks the token that only this server's pages know."""
    ada.api("PUT", "contents/kept.txt", json=note("kept"))
    for method, path, body in (
        ("PUT", "/user/ada/api/contents/kept.txt", note("forged")),
        ("POST", "/user/ada/api/kernels", {"name": "python3"}),
        ("DELETE", "/user/ada/api/contents/kept.txt", None),
        ("DELETE", "/hub/api/users/ada/server", None),
        ("POST", "/hub/api/users/ada/tokens", {}),
    ):
        assert ada.ask(method, path, xsrf=False, json=body).status_code == 403, path
        forged = {"X-XSRFToken": "0" * 40, "Origin": "http://example.org", "Referer": "http://example.org/"}
        assert ada.http.request(method, path, json=body, headers=forged).status_code == 403, path
    assert (ada.home / "kept.txt").read_text() == "kept"
    with Kernel(ada) as kernel:
        with pytest.raises(WebSocketBadStatusException, match="403"):
            ada.connect(f"/user/ada/api/kernels/{kernel.id}/channels", origin="http://example.org")
        assert kernel.run("print(2)") == ("2\n", "")


def test_pages_cannot_be_framed_by_others(ada):
    """A click on another's page is not a click here."""
    for path in ("/hub/home", "/hub/login", "/user/ada/lab"):
        assert "frame-ancestors 'none'" in ada.http.get(path).headers["Content-Security-Policy"], path


def test_fifty_wrong_passwords_are_slowed_down(hub, bob):
    """Five are looked at; then the right one, too, has to wait. Others log in as ever."""
    began = time.monotonic()
    with Learner(hub, "eve", "a guess or two") as eve:
        answers = [eve.log_in().status_code for _ in range(50)]
        looked_at = answers.count(403)
        assert 5 <= looked_at <= 6 + (time.monotonic() - began) / 10
        assert answers.count(429) == 50 - looked_at
        eve.password = PASSWORD
        for disguise in ({}, {"X-Real-Ip": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.1"}):
            eve.http.headers.update(disguise)
            if time.monotonic() < began + 10:  # then one more is due
                answer = eve.log_in()
                assert answer.status_code == 429
                assert "Too many wrong passwords. Try again in" in answer.text
                assert not eve.logged_in()
    with Learner(hub, "bob") as again:
        again.log_in()
        assert again.logged_in()


def test_who_would_be_one_too_many_is_told(hub, ada, bob):
    """The others keep their servers."""
    with Learner(hub, "carol") as carol:
        carol.log_in()
        answer = carol.http.get("/hub/spawn/carol")
        assert answer.status_code == 429
        assert "limit" in answer.text
    assert ada.api("GET", "status")["started"]


def test_a_new_course_never_overwrites_what_a_learner_changed(course, bob):
    """At the next start of the server the new notebook lies beside the changed one."""
    start, graph = (name.removesuffix(".ipynb") for name in NOTEBOOKS)
    mine = bob.notebook(graph)
    mine["cells"][0]["source"] = "what bob tried"
    bob.save(graph, mine)
    for name in NOTEBOOKS:
        notebook = json.loads((course / name).read_text())
        notebook["cells"][0]["source"] = ["what the instructor mended"]
        (course / name).write_text(json.dumps(notebook))
    assert bob.stop_server().status_code in (202, 204)
    bob.start_server()
    assert bob.notebook(graph)["cells"][0]["source"] == "what bob tried"
    assert bob.notebook(f"{graph}.new")["cells"][0]["source"] == "what the instructor mended"
    assert bob.notebook(start)["cells"][0]["source"] == "what the instructor mended"


def test_a_hub_that_is_killed_comes_back_to_the_same_servers(hub, ada):
    """What a kernel has in memory is still there, and the learner is still logged in."""
    with Kernel(ada) as kernel:
        assert kernel.run("learned = 42") == ("", "")
        hub.kill()
        hub.start()
        assert ada.logged_in()
        assert kernel.run("print(learned)") == ("42\n", "")


def test_no_secret_is_in_a_notebook_or_a_log(hub, ada, bob):
    """Passwords, cookies, tokens of servers and of the proxy."""
    with Kernel(ada) as kernel:
        assert kernel.run_notebook("00_start") == []
    assert leaks(hub, [ada, bob]) == []
