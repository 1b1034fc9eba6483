# Sourced: how to compile and start programs with Open MPI or MPICH, whichever the system takes for MPI itself.
has_mpi() { command -v "mpicxx.$1" >/dev/null && command -v "mpirun.$1" >/dev/null; }
compile_mpi() { # MPI COMPILER_ARGUMENTS...: behind tests/io/flags.sh
  local mpi=$1
  shift
  OMPI_CXX=${CXX:-c++} MPICH_CXX=${CXX:-c++} CXX=mpicxx.$mpi compile_linked "$@"
}
# More ranks than cores, and root, are right for a test. The program runs in its own folder.
with_mpi() ( # MPI RANKS PROGRAM ARGUMENTS...
  mpi=$1 ranks=$2 program=$3
  shift 3
  cd "$(dirname "$program")" && program=./$(basename "$program") || exit 1
  case $mpi in
    openmpi) mpirun.openmpi --allow-run-as-root --oversubscribe --bind-to none -np "$ranks" "$program" "$@" ;;
    mpich) mpirun.mpich -np "$ranks" "$program" "$@" ;;
  esac
)
