"""What ipyparallel and Kubernetes are told; and a mesh of pods, which no notebook drives."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys

import numpy as np
import pytest
import yaml

import labkit as tf
from labkit.errors import GraphError, InvalidArgumentError
from labkit.parallel import Replicas
from labkit.parallel.processes import kubernetes, slurm, ssh
from labkit.parallel.processes.carried import read_state, write_state, write_step
from labkit.parallel.processes.pod import main
from tests.parallel.nets import dense, examples
from tests.parallel.processes.test_group import require_or_skip, rows_of, same


def cluster(options, folder):
    """ipyparallel's cluster with these options; not started."""
    ipyparallel = pytest.importorskip("ipyparallel", reason="ipyparallel is not installed")
    from traitlets.config import Config

    config = Config(options.pop("config"))
    return ipyparallel.Cluster(
        profile_dir=str(folder), cluster_id="c", config=config, load_profile=False, shutdown_atexit=False, **options
    )


def test_slurm_submits_the_script_that_is_shown(tmp_path, monkeypatch):
    """ipyparallel's launcher writes our template with its own command, and calls sbatch; here a stand-in for it."""
    monkeypatch.chdir(tmp_path)
    sbatch = tmp_path / "sbatch"
    sbatch.write_text("#!/bin/sh\necho Submitted batch job 41\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    made = cluster(slurm("gpu", minutes=90, account="lab", options="#SBATCH --mem=2G", location="here"), tmp_path)
    assert (made.controller_ip, made.controller_location) == ("*", "here")
    launcher = made.engine_launcher_class(
        work_dir=".", parent=made, profile_dir=str(tmp_path), cluster_id="c", engine_set_id="e"
    )
    assert launcher.start(3) == "41"
    lines = (tmp_path / launcher.batch_file_name).read_text().splitlines()
    assert lines[0] == "#!/bin/sh"
    for line in ("--ntasks=3", "--time=01:30:00", "--partition=gpu", "--account=lab", "--mem=2G"):
        assert lines.count(f"#SBATCH {line}") == 1
    command = shlex.split(lines[-1])
    assert command[:1] == ["srun"]
    assert "ipyparallel.engine" in command


def test_ssh_launchers_take_hosts_and_python(tmp_path):
    """What we say arrives where ipyparallel looks for it."""
    made = cluster(ssh({"node1": 2, "me@node2": 1}, python="/opt/python", location="desk"), tmp_path)
    launcher = made.engine_launcher_class(parent=made, profile_dir=str(tmp_path), cluster_id="c", engine_set_id="e")
    assert launcher.engines == {"node1": 2, "me@node2": 1}
    assert type(launcher).__name__ == "SSHEngineSetLauncher"
    assert launcher.launcher_class(parent=launcher, profile_dir=str(tmp_path), cluster_id="c").remote_python == (
        "/opt/python"
    )
    assert made.controller_location == "desk"


def test_the_jobset_is_whole_and_its_pods_find_each_other():
    """Every placeholder is filled; the pods get what `pod.main` asks for; worker 0 is where the address says."""
    text = kubernetes("mnist", workers=6, image="example.org/lab:1", claim="disk", steps=70, batch=8)
    assert "${" not in text
    job = yaml.safe_load(text)
    (group,) = job["spec"]["replicatedJobs"]
    spec = group["template"]["spec"]
    assert spec["parallelism"] == spec["completions"] == 6
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    values = {one["name"]: one.get("value") for one in container["env"]}
    assert values["LABKIT_ADDRESS"] == f"{job['metadata']['name']}-{group['name']}-0-0.mnist:41733"
    assert (values["LABKIT_WORKERS"], values["LABKIT_STEPS"], values["LABKIT_BATCH"]) == ("6", "70", "8")
    assert container["command"][-1] == main.__module__
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts[pod["volumes"][0]["name"]] == values["LABKIT_FOLDER"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "disk"
    with pytest.raises(InvalidArgumentError, match="lacks"):
        main({})
    without = {key: value or "0" for key, value in values.items() if key not in ("LABKIT_RANK", "LABKIT_FOLDER")}
    with pytest.raises(InvalidArgumentError, match="lacks LABKIT_FOLDER, LABKIT_RANK"):
        main(without)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ssh({}), "at least one"),
        (lambda: ssh({"node": 0}), "node"),
        (lambda: slurm(minutes=0), "minutes is 0"),
        (lambda: slurm("gpu\n#SBATCH --uid=0"), "the partition is"),
        (lambda: kubernetes("Name"), "the name is"),
        (lambda: kubernetes(image="a b"), "the image is"),
        (lambda: kubernetes(workers=0), "workers is 0"),
    ],
)
def test_bad_input(call, words):
    """Nothing gets into a script that is no name."""
    with pytest.raises(GraphError, match=words):
        call()


def test_two_pods_train_as_two_simulated_replicas(tmp_path):
    """Two processes that know only their environment: the same weights."""
    require_or_skip()
    step, data = dense(lambda: tf.train.GradientDescentOptimizer(0.1)), examples(60)
    write_step(str(tmp_path), step, data)
    write_state(str(tmp_path), 0, step, step.first_state())
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{made.getsockname()[1]}"
    given = {"FOLDER": str(tmp_path), "ADDRESS": address, "WORKERS": "2", "STEPS": "5", "BATCH": "8"}
    pods = [
        subprocess.Popen(
            [sys.executable, "-m", "labkit.parallel.processes.pod"], stdout=subprocess.PIPE, text=True,
            env={**os.environ, **{f"LABKIT_{key}": value for key, value in given.items()}, "LABKIT_RANK": str(rank)},
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        said = [pod.communicate(timeout=90)[0] for pod in pods]
    finally:
        for pod in pods:
            pod.kill()
    assert [pod.returncode for pod in pods] == [0, 0], said
    assert "step 5: loss" in said[0]
    replicas, state = Replicas(step, 2), step.first_state()
    for rows in rows_of(0, 0, 5, 2, 8, 60):
        state = replicas.step(state, data, rows=rows)
    number, got = read_state(str(tmp_path))
    assert number == 5
    same(got, state, 2e-5)
    assert np.isfinite(got["dense/bias"]).all()
