#!/bin/sh
# Prepares .venv: `tools/environment.sh run` with what the product needs, `tools/environment.sh dev` with what tests and
# checks need too. Does nothing when .venv already holds what pyproject.toml and constraints.txt ask for.
# PYTHON names the interpreter; without it the first of the usual names that is new enough is taken.
set -eu
cd "$(dirname "$0")/.."
want=${1:-}
venv=.venv

# Left in, these would send the packages somewhere else than into .venv.
unset PIP_PREFIX PIP_TARGET PIP_USER PYTHONHOME PYTHONPATH

say() { printf 'sendoff: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
release() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

case $want in
    run) target=. ;;
    dev) target='.[dev]' ;;
    *) die "usage: tools/environment.sh run|dev" ;;
esac

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || die "PYTHON=$PYTHON is not Python 3.11 or newer. Name one that is: make PYTHON=/path/to/python3.11"
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.11 python3.12 python3.13 python3.14 python; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    die "needs Python 3.11 or newer and found none (python3 here: $(python3 --version 2>&1 || true))." \
        "Install one, or say where it is: make PYTHON=/path/to/python3.11"
}

has_pip() { "$venv/bin/python" -m pip --version >/dev/null 2>&1; }

# Some distributions ship Python without ensurepip; a pip beside that Python can then fill .venv from outside.
add_pip() {
    "$venv/bin/python" -m ensurepip --default-pip >/dev/null 2>&1 ||
        "$1" -m pip --python "$venv/bin/python" install -qq --disable-pip-version-check pip >/dev/null 2>&1 || true
    has_pip || die "$1 cannot put pip into $venv: it has neither ensurepip nor a pip of version 22.3 or newer that works." \
        "On Debian or Ubuntu: apt-get install python3-venv. Elsewhere: $1 -m ensurepip, or install pip; then try again."
}

# Two makes at once in one checkout would install over each other.
if command -v flock >/dev/null 2>&1; then
    exec 9<pyproject.toml
    flock 9
fi

usable=no
if new_enough "$venv/bin/python" && { [ -z "${PYTHON:-}" ] || [ "$(release "$PYTHON")" = "$(release "$venv/bin/python")" ]; }; then
    usable=yes
fi
# The path is part of it because a checkout that was moved takes along scripts that point to the old place.
wanted=$(pwd; cksum pyproject.toml constraints.txt)
if [ "$usable" = yes ] && [ "$(cat "$venv/installed-$want" 2>/dev/null || true)" = "$wanted" ]; then
    exit 0
fi

python=$venv/bin/python
if [ "$usable" = no ] || ! has_pip; then python=$(find_python); fi
if [ "$usable" = no ]; then
    say "making $venv with $("$python" --version)"
    "$python" -m venv --clear --without-pip "$venv" || die "$python cannot make a virtual environment (see above)." \
        "On Debian or Ubuntu: apt-get install python3-venv; then try again."
fi
has_pip || add_pip "$python"

say "installing into $venv what 'make' needs (once, about a minute)"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input -c constraints.txt -e "$target" ||
    die "the packages could not be installed (see above). When the network is back, run make again."
# Compiled once here: where Python may not write bytecode beside the sources the console would start a third slower.
"$venv/bin/python" -m compileall -q tui store engine || say "the sources could not be compiled; the console starts slower"
printf '%s\n' "$wanted" >"$venv/installed-$want"
# What tests need includes what the product needs.
if [ "$want" = dev ]; then cp "$venv/installed-dev" "$venv/installed-run"; fi
