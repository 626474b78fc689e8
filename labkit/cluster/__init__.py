"""Simulated machines: what devices, links and networks can do, as plain data.

    device kinds    a phone, a microcontroller, CPUs, GPUs, TPUs: rates, memory, bandwidth, each with its source
    roofline        how long an op takes on a kind of device, and what bounds it
    link kinds      PCIe, NVLink, Ethernet, InfiniBand
    networks        a single server, a star, a ring, a torus, Clos networks up to the seeds' Jupiter
    sharing         what each flow gets where flows meet
    clusters        devices on hosts in a network; the cluster file; `ready`: a phone, a laptop, a GPU server, fifty GPU
                    machines, a TPU pod
    borg            a cell of machines, jobs, and the scheduler that brings them together

Example:
    >>> from labkit.graph import Cost
    >>> pod = Cluster("TPU pod", torus(4, 4, "tpu_v2_link"), [Device(f"/device:TPU:{n}", "tpu_v2", f"h{n}")
    ...                                                       for n in range(16)])
    >>> pod
    <TPU pod: 16 devices (16 x TPU v2) on 16 hosts>
    >>> pod.op_time(Cost(45e9, 1e6), "/device:TPU:3", "bfloat16").bound
    'compute'
    >>> pod.seconds("/device:TPU:0", "/device:TPU:15", 62e6)  # the torus wraps: two hops
    0.001002

Nothing here needs JAX; networkx is imported when the first network is built.
"""

from labkit.cluster.borg import Borg
from labkit.cluster.catalogue import READY, as_cluster, ready
from labkit.cluster.cell import Cell, CellError, Constraint, Machine, Resources
from labkit.cluster.clos import JUPITER, Clos
from labkit.cluster.compaction import Compaction, smallest_cell
from labkit.cluster.errors import ClusterError
from labkit.cluster.jobs import BANDS, Job, QuotaError, sample_jobs
from labkit.cluster.kinds import KINDS, DeviceKind, device_kind
from labkit.cluster.links import LINKS, LinkKind, link_kind
from labkit.cluster.machines import Cluster, Device
from labkit.cluster.network import Hop, Network
from labkit.cluster.roofline import OpTime, op_time
from labkit.cluster.sharing import fair_rates
from labkit.cluster.topologies import ring, single, star, torus

__all__ = [
    "BANDS",
    "JUPITER",
    "KINDS",
    "LINKS",
    "READY",
    "Borg",
    "Cell",
    "CellError",
    "Clos",
    "Cluster",
    "ClusterError",
    "Compaction",
    "Constraint",
    "Device",
    "DeviceKind",
    "Hop",
    "Job",
    "LinkKind",
    "Machine",
    "Network",
    "OpTime",
    "QuotaError",
    "Resources",
    "as_cluster",
    "device_kind",
    "fair_rates",
    "link_kind",
    "op_time",
    "ready",
    "ring",
    "sample_jobs",
    "single",
    "smallest_cell",
    "star",
    "torus",
]
