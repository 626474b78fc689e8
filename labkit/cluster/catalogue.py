"""Clusters ready to use: from a phone to a pod of TPUs.

Example:
    >>> for name in READY:
    ...     print(name, ready(name))
    phone <phone: 1 device (1 x a phone) on 1 host>
    laptop <laptop: 1 device (1 x a laptop's CPU) on 1 host>
    gpu_server <gpu_server: 9 devices (1 x a server's CPU, 8 x P100) on 1 host>
    gpu_machines <gpu_machines: 100 devices (50 x a server's CPU, 50 x K40) on 50 hosts>
    tpu_pod <tpu_pod: 256 devices (256 x TPU v2) on 256 hosts>

What they are: a phone and a laptop with their processors; the GPU server is NVIDIA's DGX-1 (P100) with its GPUs on PCIe
and NVLink between them; fifty machines with a K40 each on a Clos network of 10 G Ethernet without oversubscription; a
pod of second-generation TPUs in a torus of 16 x 16.

Source: NVIDIA, DGX-1 system architecture whitepaper, 2017: the hybrid cube mesh, four links a GPU;
Jouppi et al., CACM 63(7), 2020: the pod.
"""

from __future__ import annotations

from labkit.cluster.clos import Clos
from labkit.cluster.errors import ClusterError, unknown
from labkit.cluster.machines import Cluster, Device
from labkit.cluster.topologies import single, torus

READY = ("phone", "laptop", "gpu_server", "gpu_machines", "tpu_pod")
"""Names of the clusters that `ready` makes."""


def ready(name: str) -> Cluster:
    """A cluster ready to use.

    Args:
        name: one of `READY`.

    Raises:
        ClusterError: if there is none of that name.

    Example:
        >>> fifty = ready("gpu_machines")
        >>> fifty.hops("/job:worker/task:0/device:GPU:0", "/job:worker/task:1/device:GPU:0")[1:3]
        [('h0', 's1.0'), ('s1.0', 'h1')]
    """
    if name == "phone":
        return Cluster(name, single(), [Device("/device:CPU:0", "phone", "h0")])
    if name == "laptop":
        return Cluster(name, single(), [Device("/device:CPU:0", "laptop_cpu", "h0")])
    if name == "gpu_server":
        gpus = [Device(f"/device:GPU:{n}", "p100", "h0", "pcie3_x16") for n in range(8)]
        cube = [(a, b) for b in range(8) for a in range(b) if a // 4 == b // 4 or b - a == 4]
        peers = [(gpus[a].name, gpus[b].name, "nvlink1") for a, b in cube]
        return Cluster(name, single(), [Device("/device:CPU:0", "server_cpu", "h0"), *gpus], peers)
    if name == "gpu_machines":
        network = Clos(radix=16, levels=2, pods=8, link="ethernet_10g", plugged=50).network()
        devices: list[Device] = []
        for n in range(50):
            machine = f"/job:worker/task:{n}/device:"
            devices.append(Device(machine + "CPU:0", "server_cpu", f"h{n}"))
            devices.append(Device(machine + "GPU:0", "k40", f"h{n}", "pcie3_x16"))
        return Cluster(name, network, devices)
    if name == "tpu_pod":
        chips = [Device(f"/job:worker/task:{n // 4}/device:TPU:{n % 4}", "tpu_v2", f"h{n}") for n in range(256)]
        return Cluster(name, torus(16, 16, "tpu_v2_link"), chips)
    raise unknown("cluster", name, READY)


def as_cluster(machines: str | Cluster) -> Cluster:
    """A cluster as it is, or the ready one of that name.

    Raises:
        ClusterError: if it is neither.

    Example:
        >>> as_cluster("laptop")
        <laptop: 1 device (1 x a laptop's CPU) on 1 host>
    """
    if isinstance(machines, Cluster):
        return machines
    if isinstance(machines, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        return ready(machines)
    raise ClusterError(
        f"the machines are {machines!r} ({type(machines).__name__}), which is no cluster.",
        f"tf.cluster.ready(name), with one of {', '.join(READY)}; or a Cluster of your own.",
    )
