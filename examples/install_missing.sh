# install_missing.sh - for other scripts to source: gets what a command needs on Debian and Ubuntu.
# SPDX-License-Identifier: MIT

# install_missing PACKAGE...: installs the missing ones; with sudo if we are not root.
# Installed ones are left alone, so that the next run needs neither network nor rights.
install_missing() {
    local missing=() package as_root=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "this script knows only apt-get; install what corresponds to: $*" >&2
        return 1
    fi
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "missing: ${missing[*]}; as root: apt-get install ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "installing ${missing[*]}"
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get -qq
               -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3)
    if [ -z "${lists_are_new:-}" ]; then
        "${apt[@]}" update </dev/null >/dev/null || echo "apt-get update failed; going on" >&2
        lists_are_new=1
    fi
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null || {
        echo "trying again, after finishing what an interrupted install may have left" >&2
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive dpkg --configure -a </dev/null >/dev/null || true
        "${apt[@]}" install -y --no-install-recommends --fix-broken "${missing[@]}" </dev/null >/dev/null
    }
}

# works COMMAND...: whether it runs and succeeds, without output.
works() { "$@" >/dev/null 2>&1 </dev/null; }

# configure SOURCE BUILD OPTION...: cmake with ninja if it is installed; starts again if the
# build folder was made in another place or by another generator.
configure() {
    local source=$1 build=$2 generator="Unix Makefiles"
    shift 2
    if works ninja --version; then generator=Ninja; fi
    if [ -f "$build/CMakeCache.txt" ] &&
        ! { grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$source" "$build/CMakeCache.txt" &&
            grep -qxF "CMAKE_GENERATOR:INTERNAL=$generator" "$build/CMakeCache.txt"; }; then
        rm -rf "$build"
    fi
    cmake -S "$source" -B "$build" -G "$generator" "$@" >"$build.log" 2>&1 || {
        cat "$build.log" >&2
        return 1
    }
}
