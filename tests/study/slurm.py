"""A Slurm of this machine alone, for a test: slurmctld, munged and a slurmd for each of some nodes that are none.

In namespaces of its own, so that ports, sockets and processes are nobody else's and are gone with it. `python slurm.py
COMMAND...` runs COMMAND in it, and ends with its status; 77, and why, where it cannot be had.
"""
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

SKIPPED = 77
PRIVATE = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
PROGRAMS = {"slurmctld": "slurmctld", "slurmd": "slurmd", "munged": "munge", "sbatch": "slurm-client", "ip": "iproute2", "nsenter": "util-linux",
            "unshare": "util-linux"}
CPU_NODES, GPU_NODES = ["cpu1", "cpu2"], ["gpu1"]
# A name, a network and a /dev/shm of its own, so that MPI too takes it for a node.
NODE = "hostname $0 && mount -t tmpfs tmpfs /dev/shm"
LONGEST = 30.0   # seconds until all nodes are there
# PMIx of Slurm makes folders under TmpFS, which nodes of one machine must not share.
CONF = """ClusterName=fake
SlurmctldHost={host}({address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={run}/munge.sock
CredType=cred/munge
StateSaveLocation={run}/state
SlurmdSpoolDir={run}/spool.%n
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd.%n.pid
SlurmctldLogFile={run}/slurmctld.log
SlurmdLogFile={run}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
SlurmdParameters=config_overrides
MailProg=/bin/true
TmpFS={run}/tmp.%n
KillWait=2
"""


def problem():
    """Why it cannot be had; "" if it can."""
    if os.geteuid() != 0:
        return "daemons of Slurm and namespaces are for root"
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            return f"there is no program {program}; it is in the package {package} of Debian"
    attempt = subprocess.run([*PRIVATE, "sh", "-c", "mount -t tmpfs tmpfs /run && ip link add nodes type bridge"], capture_output=True,
                             text=True)
    return "" if attempt.returncode == 0 else f"namespaces are forbidden here: {attempt.stderr.strip()}"


def address_of(place):
    return f"10.0.0.{place + 1}"   # of a network that is in this namespace alone


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


def make_nodes():
    """Behind one switch, as tests/mpi/hosts.py has them; slurmctld is at the switch itself."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    for words in ("link set lo up", "link add switch type bridge", f"address add {address_of(99)}/24 dev switch", "link set switch up"):
        ip(words)
    names = ["127.0.0.1 localhost", f"{address_of(99)} {socket.gethostname()}"]
    for i, node in enumerate(CPU_NODES + GPU_NODES):
        for words in (f"netns add {node}", f"link add to_{node} type veth peer name eth0 netns {node}",
                      f"link set to_{node} master switch up", f"-n {node} link set lo up",
                      f"-n {node} address add {address_of(i)}/24 dev eth0", f"-n {node} link set eth0 up"):
            ip(words)
        names.append(f"{address_of(i)} {node}")
    Path("/run/hosts").write_text("\n".join(names) + "\n")
    subprocess.run(["mount", "--bind", "/run/hosts", "/etc/hosts"], check=True)


def start(command, log):
    subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def start_slurm():
    """Ends with this process, which is the first of its namespace."""
    make_nodes()
    run, host = Path("/run/slurm"), socket.gethostname().split(".")[0]
    nodes = CPU_NODES + GPU_NODES
    for folder in [run, run / "state", *(run / f"tmp.{node}" for node in nodes), *(run / f"spool.{node}" for node in nodes)]:
        folder.mkdir(mode=0o755)
    key = run / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    lines = [f"NodeName={node} NodeHostname={node} NodeAddr={address_of(i)} CPUs=8 State=UNKNOWN" for i, node in enumerate(nodes)]
    lines += [f"PartitionName=cpu Nodes={','.join(CPU_NODES)} Default=YES State=UP",
              f"PartitionName=gpu Nodes={','.join(GPU_NODES)} State=UP"]
    conf = run / "slurm.conf"
    conf.write_text(CONF.format(host=host, address=address_of(99), run=run) + "\n".join(lines) + "\n")
    os.environ["SLURM_CONF"] = str(conf)
    log = open(run / "daemons.log", "w")
    subprocess.run(["munged", "--force", f"--key-file={key}", f"--socket={run}/munge.sock", f"--pid-file={run}/munged.pid",
                    f"--log-file={run}/munged.log", f"--seed-file={run}/munged.seed"], check=True, stdout=log, stderr=log)
    start(["slurmctld", "-D"], log)
    for node in nodes:
        start(["nsenter", f"--net=/run/netns/{node}", "unshare", "--uts", "--mount", "sh", "-c", f"{NODE} && exec slurmd -D -N $0", node], log)
    end = time.monotonic() + LONGEST
    while subprocess.run(["sinfo", "-h", "-N", "-o", "%T"], capture_output=True, text=True).stdout.split() != ["idle"] * len(nodes):
        if time.monotonic() > end:
            for file in sorted(run.glob("*.log")):
                print(f"--- {file.name}\n{file.read_text()[-3000:]}")
            sys.exit("Slurm did not start")
        time.sleep(0.2)


def main():
    if sys.argv[1] != "--inside":
        why = problem()
        if why:
            print(f"skipped: {why}")
            sys.exit(SKIPPED)
        os.execvp(PRIVATE[0], [*PRIVATE, sys.executable, "-B", __file__, "--inside", *sys.argv[1:]])
    start_slurm()
    command = subprocess.Popen(sys.argv[2:])
    while True:   # the first process of a namespace takes in those that others have left
        process, status = os.wait()
        if process == command.pid:
            os._exit(os.waitstatus_to_exitcode(status) & 0xff)


if __name__ == "__main__":
    main()
