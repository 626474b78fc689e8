"""A live JupyterLab, or Notebook 7, with its own home folder, and a Chromium that looks at it.

Everything is on the loopback interface, with a token, in temporary folders: nothing of the user's settings is read or
changed. The shell of both is asked through `window.jupyterapp`, because its toolbar says "idle" before the notebook is
connected to its kernel.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from labkit import compile_cache

CHROMIUM = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "@jupyterlab/docmanager-extension/plugin": '{"autosave": false}',
    "@jupyter-widgets/jupyterlab-manager/plugin": '{"saveState": true}',
}
_UNTIL = """const until = async condition => {
    for (const end = Date.now() + 240_000; !condition(); await new Promise(done => setTimeout(done, 50)))
      if (Date.now() > end) throw new Error(`Waited four minutes in vain until ${condition}`); };"""
_READY = f"""async () => {{
  {_UNTIL}
  await until(() => window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady);
  const session = window.jupyterapp.shell.currentWidget.sessionContext;
  await until(() => session.session?.kernel);
  await session.session.kernel.info; }}"""
_RUN = f"""async () => {{
  {_UNTIL}
  const app = window.jupyterapp, command = 'notebook:run-all-cells';
  const session = app.shell.currentWidget.sessionContext;
  await until(() => app.commands.hasCommand(command) && app.commands.isEnabled(command));
  await app.commands.execute('notebook:clear-all-cell-outputs');
  await app.commands.execute(command);
  const cells = () => [...app.shell.currentWidget.model.cells].filter(cell => cell.type === 'code');
  await until(() => cells().every(cell => cell.executionCount) && session.session.kernel.status === 'idle'); }}"""


class Lab(NamedTuple):
    """A running JupyterLab or Notebook 7: its address, its token, and the folder it serves."""

    address: str
    token: str
    folder: Path
    app: str = "jupyterlab"

    def url(self, notebook: str) -> str:
        """The address of a notebook. In JupyterLab in a workspace of its own: two pages in one send each other away."""
        if self.app == "notebook":
            return f"{self.address}/notebooks/{notebook}?token={self.token}"
        return f"{self.address}/lab/workspaces/{secrets.token_hex(4)}/tree/{notebook}?token={self.token}"


@contextmanager
def running_lab(home: Path, notebooks: Path, app: str = "jupyterlab") -> Iterator[Lab]:
    """Starts JupyterLab, or Notebook 7 ("notebook"), on a copy of the notebooks; stops it at the end."""
    shutil.copytree(notebooks, home / "course")
    write_settings(home)
    lab = Lab(f"http://127.0.0.1:{free_port()}", secrets.token_hex(16), home / "course", app)
    with (home / "lab.log").open("w") as log:
        server = start_server(lab, home, log)
        try:
            wait_for(lab, server, home / "lab.log")
            yield lab
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def write_settings(home: Path) -> None:
    """No news from outside, no saving by itself; the state of widgets is saved with the notebook."""
    for name, text in _SETTINGS.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def free_port() -> int:
    """A port of the loopback interface that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(lab: Lab, home: Path, log: IO[str], before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Starts the server of a lab; `wait_for` waits until it answers.

    Args:
        lab: which.
        home: the user's home folder, as the server sees it.
        log: where its log goes.
        before: a command that runs the command behind it.
    """
    env = os.environ | compile_cache.environment() | {
        "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"), "IPYTHONDIR": str(home / "ipython"),
    }  # fmt: skip
    command = [
        *before, sys.executable, "-m", lab.app, "--no-browser", "--allow-root", "--ip=127.0.0.1",
        f"--port={lab.address.rpartition(':')[2]}", f"--ServerApp.root_dir={lab.folder}",
        f"--IdentityProvider.token={lab.token}", "--expose-app-in-browser",
    ]  # fmt: skip
    return subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)


def wait_for(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until the server answers."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{lab.address}/api/status?token={lab.token}", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The server did not start:\n{log.read_text()[-3000:]}")


@contextmanager
def browser(home: Path) -> Iterator[Any]:
    """A headless Chromium of the system, with a profile of its own."""
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(home / "browser"), executable_path=CHROMIUM, headless=True, args=options,
            viewport={"width": 1366, "height": 900},
        )  # fmt: skip
        try:
            yield context
        finally:
            context.close()


def open_notebook(page: Any, lab: Lab, notebook: str) -> None:
    """Opens a notebook and waits for its kernel."""
    page.goto(lab.url(notebook))
    page.evaluate(_READY)


def open_and_run(page: Any, lab: Lab, notebook: str) -> None:
    """Opens a notebook, waits for its kernel, runs every cell, and waits until the last one is done."""
    open_notebook(page, lab, notebook)
    page.evaluate(_RUN)


def save(page: Any) -> None:
    """Saves the notebook, with the state of its widgets."""
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")


def stop_kernel(page: Any) -> None:
    """Ends the kernel of the notebook that is open."""
    page.evaluate("window.jupyterapp.shell.currentWidget?.sessionContext?.shutdown()")


def run_in_kernel(page: Any, code: str) -> str:
    """Runs code in the notebook's kernel, outside of its cells; returns what it printed."""
    return page.evaluate(
        """async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            let said = '';
            const future = kernel.requestExecute({code, store_history: false});
            future.onIOPub = message => {
                if (message.header.msg_type === 'stream') said += message.content.text;
                if (message.header.msg_type === 'error') said += message.content.evalue; };
            await future.done;
            return said; }""",
        code,
    )


def outputs(page: Any) -> list[dict[str, Any]]:
    """The outputs of the notebook's cells, as its model has them."""
    return page.evaluate(
        """() => [...window.jupyterapp.shell.currentWidget.model.cells].filter(c => c.type === 'code')
            .flatMap(c => c.outputs.toJSON())"""
    )


def set_theme(page: Any, theme: str) -> None:
    """Switches to "JupyterLab Light" or "JupyterLab Dark"."""
    page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
    )  # fmt: skip
    page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
