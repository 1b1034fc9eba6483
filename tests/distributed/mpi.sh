# Sourced: how to compile and start programs with Open MPI or MPICH, whichever the system takes for MPI itself.
has_mpi() { command -v "mpicxx.$1" >/dev/null && command -v "mpirun.$1" >/dev/null; }
compile_mpi() { # MPI COMPILER_ARGUMENTS...: behind tests/io/flags.sh
  local mpi=$1
  shift
  OMPI_CXX=${CXX:-c++} MPICH_CXX=${CXX:-c++} CXX=mpicxx.$mpi compile_linked "$@"
}
# More ranks than cores, and root, are right for a test.
with_mpi() { # MPI RANKS PROGRAM...
  local mpi=$1 ranks=$2
  shift 2
  case $mpi in
    openmpi) mpirun.openmpi --allow-run-as-root --oversubscribe --bind-to none -np "$ranks" "$@" ;;
    mpich) mpirun.mpich -np "$ranks" "$@" ;;
  esac
}
