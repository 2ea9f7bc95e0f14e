#!/usr/bin/env bash
# A Slurm job that serves a work pool: it takes runs until half an hour before its time ends.
#
#     export PREFECT_API_URL=http://HOST:4200/api REWRITING_AGENT_STORE=/shared/store
#     sbatch --gpus=4 --time=24:00:00 infra/work_pools/slurm.sh gpu
#
# Submit it from the project's folder, which the nodes must see under the same path. Half an hour before the end Slurm sends
# SIGUSR1: no further run is taken. What still goes on 90 seconds before the end is put back into its queue, and the next job
# goes on from its last checkpoint. `scancel JOB` puts runs back at once; as many jobs as you like may serve one pool.
#
#SBATCH --job-name=rewriting-agent
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --gpus=1
#SBATCH --cpus-per-task=16
#SBATCH --time=12:00:00
#SBATCH --signal=B:USR1@1800
#SBATCH --output=rewriting-agent-%j.log
set -euo pipefail

pool=${1:-gpu}
grace=${2:-1710}  # seconds from SIGUSR1 to the end of what still goes on: --signal's 1800, less 90
root=${SLURM_SUBMIT_DIR:-$PWD}
python=${REWRITING_AGENT_ENVIRONMENTS:-$root/.envs}/core/bin/python

[[ -n ${PREFECT_API_URL:-} ]] || { echo "PREFECT_API_URL is not set: http://HOST:4200/api of the machine where 'make up' ran" >&2; exit 2; }
[[ -x $python ]] || { echo "$python is missing: run 'make setup' in $root, or submit from the project's folder" >&2; exit 2; }

export REWRITING_AGENT_CORES=${REWRITING_AGENT_CORES:-${SLURM_CPUS_PER_TASK:-$(nproc)}}
cd "$root"
# exec: Slurm's signals go to the batch shell (B:), which this makes the worker.
exec "$python" -m infra.work_pools serve "$pool" --grace "$grace"
