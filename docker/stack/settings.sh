# What the stack's scripts share; they source it in the project's directory. Settings are taken from the environment,
# else from docker/.env:
#   S3_SERVER              minio (default) or versitygw
#   EXECUTOR               local (default), or celery: a broker and a worker, of which there may be more on other machines
#   GALLEY_REGISTRY        what names of our images begin with: localhost
#   COMPOSE_PROJECT_NAME   what names of containers, volumes and the network begin with: galley
# Without DOCKER_HOST the daemon is the machine's, never that of `make services-up`, which is for trying things out: what
# it holds is removed. One stack on a daemon: jobs are named by their store, and all stacks call theirs the same.
env=docker/.env

setting() { # NAME DEFAULT
    eval "value=\${$1:-}"
    [ -n "$value" ] || value=$(sed -n "s/^$1=//p" $env)
    export "$1=${value:-$2}"
}

python3 docker/stack/make-env
setting S3_SERVER minio
setting EXECUTOR local
setting GALLEY_REGISTRY localhost
setting COMPOSE_PROJECT_NAME galley
GALLEY_VERSION=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' include/galley/__init__.py)

# Airflow's containers start jobs by the daemon's socket.
DOCKER_SOCKET=${DOCKER_HOST:-unix:///var/run/docker.sock}
DOCKER_SOCKET=${DOCKER_SOCKET#unix://}
export DOCKER_HOST="unix://$DOCKER_SOCKET"
if [ ! -S "$DOCKER_SOCKET" ]; then
    echo "DOCKER_HOST: $DOCKER_SOCKET is no socket of this machine, and the stack mounts one; start the daemon there, or" \
        "set DOCKER_HOST=unix:///…" >&2
    exit 1
fi
DOCKER_GID=$(stat -c %g "$DOCKER_SOCKET")

case $S3_SERVER in
minio)
    S3_COMMAND="server --quiet --address :9000 /data"
    S3_USER=galley-airflow
    S3_PASSWORD=$(sed -n 's/^S3_AIRFLOW_PASSWORD=//p' $env)
    ;;
versitygw)
    # It has no users of its own here, so all use its root account.
    S3_COMMAND="--quiet --port :9000 posix /data"
    S3_USER=$(sed -n 's/^S3_ROOT_USER=//p' $env)
    S3_PASSWORD=$(sed -n 's/^S3_ROOT_PASSWORD=//p' $env)
    ;;
*)
    echo "S3_SERVER=$S3_SERVER: there are minio and versitygw" >&2
    exit 1
    ;;
esac

case $EXECUTOR in
local) AIRFLOW_EXECUTOR=LocalExecutor COMPOSE_PROFILES= ;;
celery) AIRFLOW_EXECUTOR=CeleryExecutor COMPOSE_PROFILES=celery ;;
*)
    echo "EXECUTOR=$EXECUTOR: there are local and celery here; for Kubernetes see docker/kubernetes/values.yaml" >&2
    exit 1
    ;;
esac
export GALLEY_VERSION DOCKER_SOCKET DOCKER_GID S3_COMMAND S3_USER S3_PASSWORD AIRFLOW_EXECUTOR COMPOSE_PROFILES

# Refuses to touch the jobs of another stack on this daemon.
alone() {
    other=$(docker ps --filter label=galley.stack --format '{{.Label "galley.stack"}}' |
        grep -vx "$COMPOSE_PROJECT_NAME" | head -n 1)
    [ -z "$other" ] || {
        echo "the stack $other runs on this daemon, and jobs of both would be taken for each other's;" \
            "end it with: COMPOSE_PROJECT_NAME=$other make stack-down" >&2
        exit 1
    }
}

compose() {
    if docker compose version >/dev/null 2>&1; then set -- docker compose --env-file $env -f docker/compose.yaml "$@"
    else set -- docker-compose --env-file $env -f docker/compose.yaml "$@"; fi
    "$@"
}
