"""A checkout in which one GPU job, the demo's candidate pool, goes through a cluster."""

import subprocess

from cluster import Cluster
from projects import Checkout

POOL = "priors/pools/orl-1000/s1-32.safetensors"


def start(checkout: Checkout, cluster: Cluster, *options: str) -> subprocess.Popen[str]:
    """Start ``snakemake --profile slurm`` for the pool; its words come through a pipe."""
    return subprocess.Popen(
        [
            *checkout.command("--profile", "slurm", POOL, tiny=False),
            *("--slurm-init-seconds-before-status-checks", "2", *options),
            *("--configfile", "config.yaml", "--config", "device=cpu"),
        ],
        cwd=checkout.folder,
        env={**checkout.environment(), **cluster.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
