#!/bin/sh
# The bench overlap on one node, through the window and by messages, and on two, which tests/mpi/hosts.py makes of this machine
# (root alone may). overlap.sh BENCH_OVERLAP [HOSTS OPTIONS, such as --rate 10gbit]
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
bench=$(realpath "$1")
shift
hosts=$(dirname "$(realpath "$0")")/../tests/mpi/hosts.py
mpirun -np 2 "$bench" auto
mpirun -np 2 "$bench" point_to_point
/usr/bin/python3 -B "$hosts" "$@" 2 mpirun --host node1:1 -np 1 "$bench" auto : --host node2:1 -np 1 "$bench" auto
