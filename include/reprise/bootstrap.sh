#!/bin/bash
# Builds /home/hadoop/reprise-env from a bundle, on every node of a cluster, before its first step.
#
#   bootstrap.sh s3://lake/bundles/<digest>
#
# The same script runs on EMR and in the sandbox. REPRISE_ENVIRONMENTS, which only the sandbox sets, is a folder
# that outlives the cluster: an environment built there once is linked the next time.
set -euo pipefail

bundle=${1%/}
files=$HOME/reprise
kept=${REPRISE_ENVIRONMENTS:-$HOME/.reprise-environments}
environment=$kept/${bundle##*/}

build() {
    command -v python3.11 >/dev/null || sudo dnf install -y -q python3.11 python3.11-pip
    local index=()
    [ ! -d "$files/wheelhouse" ] || index=(--no-index --find-links "$files/wheelhouse")
    if command -v uv >/dev/null; then
        uv venv --quiet --python "$(command -v python3.11)" "$1"
        install=(uv pip install --quiet --python "$1/bin/python" --compile-bytecode)
    else
        python3.11 -m venv "$1"
        install=("$1/bin/python" -m pip install --quiet --disable-pip-version-check)
    fi
    "${install[@]}" ${index[@]+"${index[@]}"} --require-hashes -r "$files/requirements-emr.txt"
    "${install[@]}" --no-index --no-deps "$files"/reprise-*.whl
    "$1/bin/python" -c "import lightgbm" || {
        echo "LightGBM does not load: install the OpenMP runtime (libgomp) on this machine" >&2
        exit 1
    }
}

aws s3 cp --recursive --quiet "$bundle/" "$files"
if [ ! -e "$environment" ]; then
    mkdir -p "$kept"
    mine=$environment.$$
    trap 'rm -rf "$mine"' ERR
    build "$mine"
    # Of two clusters building the same environment one makes the link; the other uses it.
    ln -sn "$mine" "$environment" 2>/dev/null || rm -rf "$mine"
fi
ln -sn "$environment" "$HOME/reprise-env"
