"""Runs a command among hosts that are none: namespaces of this machine, each with a name, a network, an address and a /dev/shm
of its own, behind one switch. MPI takes them for nodes, and talks TCP between them.

hosts.py [--rate RATE] NUM COMMAND...
  NUM      of hosts: node1, node2, ...; COMMAND runs on node1, and mpirun reaches the others
  RATE     of each host's wire, as tc has it: 10gbit; as fast as it goes by default
Ends with the status of COMMAND; 77, and why, where this machine allows no namespaces. All of it lives in namespaces of this
process, so it is gone with it, however it ends, and two at a time do not meet.
"""
import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

# A host on which mpirun wants to start something: what ssh would do.
AGENT = """#!/bin/sh
host=$1
shift
exec ip netns exec $host unshare --uts --mount sh -c "hostname $host && mount -t tmpfs tmpfs /dev/shm && $*"
"""
SKIPPED = 77
PRIVATE = ["unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]


def problem():
    """Why there can be no hosts here; "" if there can."""
    if os.geteuid() != 0:
        return "network namespaces are for root"
    for program in ("ip", "tc", "unshare"):
        if shutil.which(program) is None:
            return f"there is no program {program}; it is in the packages iproute2 and util-linux of Debian"
    attempt = subprocess.run([*PRIVATE, "sh", "-c", "mount -t tmpfs tmpfs /run && ip link add switch type bridge && "
                              "ip link add one type veth peer name other"], capture_output=True, text=True)
    return "" if attempt.returncode == 0 else f"namespaces are forbidden here: {attempt.stderr.strip()}"


def run(*command):
    subprocess.run(command, check=True)


def make_hosts(num, rate):
    """Names are those of this process alone: its mounts and networks are its own. Returns the agent."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "add", "switch", "type", "bridge")
    run("ip", "link", "set", "switch", "up")
    lines = ["127.0.0.1 localhost"]
    for i in range(1, num + 1):
        host = f"node{i}"
        run("ip", "netns", "add", host)
        run("ip", "link", "add", f"to_{host}", "type", "veth", "peer", "name", "eth0", "netns", host)
        run("ip", "link", "set", f"to_{host}", "master", "switch", "up")
        run("ip", "-n", host, "link", "set", "lo", "up")
        run("ip", "-n", host, "address", "add", f"10.0.0.{i}/24", "dev", "eth0")
        run("ip", "-n", host, "link", "set", "eth0", "up")
        lines.append(f"10.0.0.{i} {host}")
        if rate:
            shape = ["root", "tbf", "rate", rate, "burst", "256kb", "latency", "20ms"]
            run("ip", "netns", "exec", host, "tc", "qdisc", "add", "dev", "eth0", *shape)
    names, agent = Path("/run/hosts"), Path("/run/agent")
    names.write_text("\n".join(lines) + "\n")
    run("mount", "--bind", str(names), "/etc/hosts")
    agent.write_text(AGENT)
    agent.chmod(0o755)
    return agent


def environment(agent):
    """For Open MPI 4 and 5. No host has more than a share of this machine's cores, so all waits yield."""
    return {**os.environ, "OMPI_MCA_plm_rsh_agent": str(agent), "PRTE_MCA_plm_ssh_agent": str(agent),
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_rmaps_base_oversubscribe": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
            "OMPI_MCA_hwloc_base_binding_policy": "none", "PRTE_MCA_hwloc_default_binding_policy": "none",
            "OMPI_MCA_mpi_yield_when_idle": "1"}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rate", default="")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("num", type=int)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    if not given.inside:
        why = problem()
        if why:
            print(f"skipped: {why}")
            sys.exit(SKIPPED)
        os.execvp(PRIVATE[0], [*PRIVATE, sys.executable, "-B", __file__, "--inside", *sys.argv[1:]])
    agent = make_hosts(given.num, given.rate)
    job = [agent, "node1", shlex.join(given.command)]
    sys.exit(subprocess.run(job, env=environment(agent)).returncode)


if __name__ == "__main__":
    main()
