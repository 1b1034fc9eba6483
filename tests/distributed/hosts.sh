#!/usr/bin/env bash
# Two hosts: network namespaces with a cable between them, made and removed here. Training on a rank in each has to give the
# bits of threads; what it sends in a step is held against the least that a sum on both takes. Prints `ok`, `not ok` and
# `note` lines; a note where namespaces are not allowed.
#   tests/distributed/hosts.sh [BUILD]                         by default build/tests
#   tests/distributed/hosts.sh BUILD MPI PROGRAM ARGUMENTS...  runs a program on the two, a rank on each, instead
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=${1:-$PWD/build/tests}
[ $# -eq 0 ] || shift
work=$build/distributed/hosts
rm -rf "$work" && mkdir -p "$work"
. tests/io/flags.sh
. tests/distributed/mpi.sh

first=keel_a_$$ second=keel_b_$$
remove() { ip netns del $first 2>/dev/null; ip netns del $second 2>/dev/null; }
make() {
  ip netns add $first && ip netns add $second &&
    ip link add kla$$ netns $first type veth peer name klb$$ netns $second &&
    ip -n $first addr add 10.213.77.1/24 dev kla$$ && ip -n $second addr add 10.213.77.2/24 dev klb$$ &&
    ip -n $first link set kla$$ up && ip -n $second link set klb$$ up &&
    ip -n $first link set lo up && ip -n $second link set lo up &&
    ip netns exec $first unshare --uts hostname keel-a
}
trap remove EXIT
if ! make >"$work/make.log" 2>&1; then
  echo "note two hosts were not tried: network namespaces are not allowed here ($(tail -n 1 "$work/make.log"))"
  exit 0
fi

# What MPI calls instead of ssh: AGENT [OPTIONS] HOST COMMAND...; each host has a name of its own.
cat >"$work/agent" <<END
#!/bin/sh
while [ "\${1#-}" != "\$1" ]; do shift; done
case \$1 in 10.213.77.1) space=$first name=keel-a ;; *) space=$second name=keel-b ;; esac
shift
exec ip netns exec \$space unshare --uts sh -c "hostname \$name; exec sh -c '\$*'"
END
chmod +x "$work/agent"

on_hosts() ( # MPI PROGRAM ARGUMENTS...
  mpi=$1
  shift
  case $mpi in
    openmpi) set -- mpirun.openmpi --allow-run-as-root --oversubscribe --bind-to none --mca plm_rsh_agent "$work/agent" \
      --mca plm_rsh_no_tree_spawn 1 --mca oob_tcp_if_include 10.213.77.0/24 --mca btl self,tcp \
      --mca btl_tcp_if_include 10.213.77.0/24 --host 10.213.77.1:1,10.213.77.2:1 -np 2 "$@" ;;
    mpich) set -- mpirun.mpich -genv UCX_TLS tcp,self -launcher ssh -launcher-exec "$work/agent" \
      -hosts 10.213.77.1,10.213.77.2 -ppn 1 -np 2 "$@" ;; # by hand alone: it may not end here when its ranks have
  esac
  exec timeout 240 ip netns exec $first unshare --uts sh -c 'hostname keel-a; exec "$@"' sh "$@"
)

if [ $# -gt 0 ]; then
  on_hosts "$@"
  exit
fi
mpi=openmpi
has_mpi $mpi || { echo "note $mpi was not found: two hosts are not tried"; exit 0; }
program=$build/distributed/$mpi
[ "$program" -nt tests/distributed/mpi_program.cpp ] ||
  compile_mpi $mpi tests/distributed/mpi_program.cpp -Itests -o "$program" || exit 1
log=$work/$mpi.log
if on_hosts $mpi "$program" train >"$log" 2>&1 && grep -q 'all right on 2 ranks' "$log"; then
  echo "ok ${mpi}_on_two_hosts"
else
  echo "not ok ${mpi}_on_two_hosts"; tail -n 20 "$log"
fi
on_hosts $mpi "$program" wire >"$log" 2>&1
grep '^rank' "$log" | sort | sed "s/^/note $mpi, /"
# At most a fifth more than the least, statistics, losses and TCP's headers included.
if [ "$(awk '/^rank/ { gsub(",", ""); for (i = 1; i < NF; ++i) if ($i == "least") least = $(i + 3); if ($NF <= 1.2 * least && $NF >= least) ++good } END { print good + 0 }' "$log")" = 2 ]; then
  echo "ok ${mpi}_sends_little_more_than_the_least"
else
  echo "not ok ${mpi}_sends_little_more_than_the_least"; tail -n 20 "$log"
fi
