#!/usr/bin/env bash
# Proves `earmark serve` with the clients there are: the real server, real Python and JavaScript clients in the versions that are locked
# here, curl, a real Chromium, and schemathesis on the OpenAPI document. Everything is on the loopback; what is installed lies in
# target/conformance.
#
#     host/tests/conformance/run.sh [BINARY]     # without one, `cargo build -p earmark` makes it
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$root/target/conformance
results=$work/results

need() {
    command -v "$1" >/dev/null || { echo "$1 is missing: apt-get install $2" >&2; exit 1; }
}
need python3 "python3 python3-venv"
need node nodejs
need npm npm
need curl curl
need chromium chromium
[ "$(node -p 'process.versions.node.split(".")[0] >= 20')" = true ] || { echo "node is older than 20: install a newer one" >&2; exit 1; }

if [ $# -gt 0 ]; then
    EARMARK=$(realpath "$1")
else
    cargo build --manifest-path "$root/Cargo.toml" -p earmark
    EARMARK=$root/target/debug/earmark
fi
export EARMARK
CHROMIUM=$(command -v chromium)
export CHROMIUM
# It blocks even requests to this machine.
unset HF_HUB_OFFLINE
export HF_HUB_DISABLE_TELEMETRY=1 PYTHONDONTWRITEBYTECODE=1

rm -rf "$results"
mkdir -p "$results"

# An environment with the packages that a file locks, made anew when the file changes.
environment() {
    local name=$1 lock=$here/requirements/$1.txt
    if ! cmp -s "$lock" "$work/$name/lock"; then
        rm -rf "${work:?}/$name"
        python3 -m venv "$work/$name" || { echo "venv is missing: apt-get install python3-venv" >&2; exit 1; }
        "$work/$name/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$lock"
        cp "$lock" "$work/$name/lock"
    fi
}

failed=
pytest() {
    local name=$1
    shift
    environment "$name"
    echo "-- $name"
    PATH=$work/$name/bin:$PATH "$work/$name/bin/python" -m pytest -q -p no:cacheprovider --rootdir "$here/python" \
        -c "$here/python/pytest.ini" --junitxml "$results/$name.xml" "$@" || failed=yes
}

for lock in "$here"/requirements/hub-*.txt; do
    pytest "$(basename "$lock" .txt)" "$here/python/hub"
done
pytest tools "$here/python/api"

if ! cmp -s "$here/package-lock.json" "$work/js/package-lock.json" || [ ! -d "$work/js/node_modules" ]; then
    mkdir -p "$work/js"
    cp "$here/package.json" "$here/package-lock.json" "$work/js/"
    npm ci --prefix "$work/js" --ignore-scripts --no-audit --no-fund --silent
fi
# Modules are looked for beside the files that name them.
rm -rf "$work/js/tests"
mkdir "$work/js/tests"
cp "$here"/js/*.mjs "$work/js/tests/"
echo "-- JavaScript"
FIXTURES=$root/models/fixtures PYTHON=$work/tools/bin/python node --test --test-concurrency=1 --test-reporter=dot --test-reporter-destination=stdout \
    --test-reporter=junit --test-reporter-destination="$results/js.xml" "$work"/js/tests/*.test.mjs || failed=yes

python3 "$here/sum.py" "$results"/*.xml
[ -z "$failed" ]
