#!/usr/bin/env bash
# run.sh - installs what the tests need, builds them and runs them all.
# usage: tests/run.sh [--quick] [gcc] [clang] [fast] [tsan] [armhf] [i386]
#   gcc     g++, optimized; also each header alone, and programs and projects that use the library
#   clang   clang++ with address and undefined-behavior sanitizers: code that handles others' memory
#   fast    g++ -Ofast, which assumes that there is no not-a-number: the library's core
#   tsan    clang++ with the thread sanitizer: tests with threads
#   armhf, i386    32 bits: the library's core, run by qemu-user and natively
# Without names: all except i386, and in gcc only what clang does not run. --quick: only gcc, all of it.
# Warnings are errors in each. Logs and builds are in
# build/tests-<name>; one test again: ctest --test-dir build/tests-gcc -R core.units --output-on-failure
# SPDX-License-Identifier: MIT
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$here")
. "$root/examples/install_missing.sh"
jobs=${JOBS:-$(nproc)}

legs=()
for argument in "$@"; do
    case $argument in
        --quick) legs+=(gcc) ;;
        gcc | clang | fast | tsan | armhf | i386) legs+=("$argument") ;;
        *)
            echo "$argument: no such part of the tests" >&2
            sed -n '3,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
done
# Folders with tests of code that handles others' memory.
sanitized=attribution,backends,carbon,core,counters,engine,fuzz,public_api,report
gcc_only=()
if [ ${#legs[@]} -eq 0 ]; then
    legs=(gcc clang tsan fast armhf)
    # These two fork processes with threads, whose children clang's address sanitizer may hang.
    gcc_only=("-DJOULERY_TEST_NOT_FOLDERS=$sanitized" -DJOULERY_TEST_ALSO=engine/checkpoint,engine/session)
fi

has_header() { echo "#include <$1>" | works_with_input g++ -std=c++17 -E -x c++ -; }
works_with_input() { "$@" >/dev/null 2>&1; }
# In Debian, clang's sanitizer runtime is a separate package, named after clang's version.
has_clang_runtime() {
    local out
    out=$(mktemp)
    echo 'int main() {}' | works_with_input clang++ -fsanitize=address -x c++ - -o "$out"
    local code=$?
    rm -f "$out"
    return $code
}

install_all() {
    local needed=()
    works g++ --version || needed+=(g++)
    works clang++ --version || needed+=(clang)
    works cmake --version || needed+=(cmake)
    works ninja --version || needed+=(ninja-build)
    works python3 --version || needed+=(python3)
    [ ${#needed[@]} -eq 0 ] || install_missing "${needed[@]}"
    needed=()
    has_header doctest/doctest.h || needed+=(doctest-dev)
    has_header nlohmann/json.hpp || needed+=(nlohmann-json3-dev)
    has_header benchmark/benchmark.h || needed+=(libbenchmark-dev)
    has_header gtest/gtest.h || needed+=(libgtest-dev)
    has_header catch2/catch.hpp || has_header catch2/catch_test_macros.hpp || needed+=(catch2)
    has_clang_runtime || needed+=("libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev")
    [ ${#needed[@]} -eq 0 ] || install_missing "${needed[@]}"
    # Vendors' real libraries (without a device), a compiler for Windows, Doxygen, Meson: if they can't be
    # installed, their tests are skipped.
    needed=()
    has_header rocm_smi/rocm_smi.h || needed+=(librocm-smi64-1 librocm-smi-dev)
    has_header level_zero/zes_api.h || needed+=(libze1 libze-dev)
    has_header tbb/task_group.h || needed+=(libtbb-dev)
    works doxygen --version || needed+=(doxygen)
    works ld.lld --version || needed+=(lld)  # links a sanitized test in a quarter of the time
    works meson --version || needed+=(meson)
    works x86_64-w64-mingw32-g++-posix --version || needed+=(g++-mingw-w64-x86-64-posix)
    [ ${#needed[@]} -eq 0 ] || install_missing "${needed[@]}" ||
        echo "continuing without ${needed[*]}" >&2
}

# run_leg NAME COMPILER FLAGS OPTION...
run_leg() {
    local name=$1 compiler=$2 flags=$3 build=$root/build/tests-$1 began=$SECONDS
    shift 3
    local options=(-DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=None
                   -DCMAKE_CXX_FLAGS="$flags" -DJOULERY_BUILD_TESTS=ON -DJOULERY_BUILD_EXAMPLES=OFF
                   "$@")
    if works ccache --version; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
    echo "== $name: $compiler $flags"
    configure "$root" "$build" "${options[@]}"
    local go_on=(-k)  # to the end, so that one run shows all errors
    if works ninja --version; then go_on=(-k 0); fi
    cmake --build "$build" --parallel "$jobs" -- "${go_on[@]}" >"$build.log" 2>&1 || {
        grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$build.log" | head -200 >&2
        return 1
    }
    echo "   built in $((SECONDS - began)) s"
    began=$SECONDS
    (cd "$build" && "${no_aslr[@]}" ctest --output-on-failure --parallel "$jobs" \
        >"$build.ctest.log" 2>&1) || {
        grep -vE '(Start +[0-9]+:|Passed +[0-9.]+ sec)' "$build.ctest.log" >&2
        return 1
    }
    echo "   $(grep -E 'tests passed' "$build.ctest.log"), in $((SECONDS - began)) s"
}

# Whatever 32 bits or -Ofast may change: sizes, alignment, arithmetic of counters and clocks, parsing and
# writing numbers, scopes and their sums. The longest first, so that no processor waits at the end.
core_tests=(engine/invariants engine/scopes engine/meter report/json backends/replay backends/rapl_powercap
            report/csv core/unit_text counters/channel_account counters/domain_tree core/units core/utf8
            core/finite carbon/timestamp counters/counter_step timing/wall_time)

# run_core_leg NAME COMPILER FLAGS [EMULATOR]
run_core_leg() {
    local name=$1 compiler=$2 flags=$3 emulator=${4:-} build=$root/build/tests-$1 began=$SECONDS
    echo "== $name: $compiler $flags $emulator"
    mkdir -p "$build/include"
    # Only these headers of /usr/include are the same for all architectures.
    ln -sfn /usr/include/doctest "$build/include/doctest"
    ln -sfn /usr/include/nlohmann "$build/include/nlohmann"
    local cached=() tests=("${core_tests[@]}")
    if works ccache --version; then cached=(ccache); fi
    # The random programs of engine/invariants take minutes when emulated.
    if [ -n "$emulator" ]; then tests=("${tests[@]:1}"); fi
    compile="${cached[*]} $compiler -std=c++17 $flags -Wall -Wextra -Wconversion -Wshadow -Werror -Wno-psabi"
    compile() {
        $compile "-I$root/include" "-I$here" -isystem "$build/include" \
            "-DJOULERY_SOURCE_DIR=\"$root\"" "-DJOULERY_BINARY_DIR=\"$build\"" \
            "-DJOULERY_FAKES_DIR=\"$build/fakes\"" "$@"
    }
    compile_part() {
        local source=$here/$1_test.cpp object=$build/${1/\//.}
        case $1 in
            library) source=$root/include/joulery/joulery_full.cpp ;;
            main) source=$here/doctest_main.cpp ;;
        esac
        compile -c "$source" -o "$object.o" 2>"$object.log" || {
            cat "$object.log" >&2
            return 1
        }
    }
    link_and_run() {
        local program=$build/${1/\//.}
        $compiler $flags "$program.o" "$build/main.o" "$build/library.o" -o "$program" -static \
            -pthread -ldl 2>"$program.log" &&
            $emulator "$program" >>"$program.log" 2>&1 || {
            cat "$program.log" >&2
            return 1
        }
    }
    export -f compile compile_part link_and_run
    export compile compiler flags emulator build here root
    # The library takes longest, so it begins first; the tests are compiled at the same time.
    printf '%s\n' library "${tests[@]}" main | xargs -P "$jobs" -I{} bash -c 'compile_part {}'
    printf '%s\n' "${tests[@]}" | xargs -P "$jobs" -I{} bash -c 'link_and_run {}'
    echo "   ${#tests[@]} tests passed, in $((SECONDS - began)) s"
}

# run_cross_leg NAME PACKAGE TRIPLE [EMULATOR PACKAGE]: skipped, with a note, if they can't be installed.
run_cross_leg() {
    local name=$1 compiler=$3-g++ missing=()
    works "$compiler" --version || missing+=("$2")
    [ -z "${4:-}" ] || works "$4" --version || missing+=("$5")
    [ ${#missing[@]} -eq 0 ] || install_missing "${missing[@]}" || {
        echo "== $name: left out, without ${missing[*]}" >&2
        left_out+=("$name")
        return 0
    }
    local flags=-O0
    [ -z "${4:-}" ] || flags=-O1  # emulated, it runs in half the time, and takes a fifth longer to compile
    run_core_leg "$name" "$compiler" "$flags" "${4:-}"
}
left_out=()

# The thread sanitizer of older compilers can't start if addresses are randomized widely.
no_aslr=()
# The address sanitizer unmaps the alternate signal stack that a test framework has set.
export ASAN_OPTIONS=halt_on_error=1:detect_stack_use_after_return=1:use_sigaltstack=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1

install_all
linker=()  # the sanitizers' runtimes make each program large; this one links them fast
if works ld.lld --version; then linker=(-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld); fi
# What gcc has checked already is left out of the sanitizers' legs.
sanitizer_options=(-DJOULERY_TEST_CONSUMERS=OFF -DJOULERY_TEST_HEADERS=OFF -DJOULERY_TEST_SCRIPTS=OFF)
# Headers are either precompiled or cached: ccache does not cache what uses precompiled ones.
works ccache --version || sanitizer_options+=(-DJOULERY_TEST_PRECOMPILED=ON)
mkdir -p "$root/build"
for leg in "${legs[@]}"; do
    case $leg in
        gcc) run_leg gcc g++ "-O1" "${gcc_only[@]}" ;;
        clang)
            run_leg clang clang++ \
                "-O0 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all" "${linker[@]}" \
                "-DJOULERY_TEST_FOLDERS=$sanitized" \
                "${sanitizer_options[@]}"
            ;;
        fast) run_core_leg fast g++ -Ofast ;;
        armhf) run_cross_leg armhf g++-arm-linux-gnueabihf arm-linux-gnueabihf qemu-arm qemu-user ;;
        i386) run_cross_leg i386 g++-i686-linux-gnu i686-linux-gnu ;;
        tsan)
            if works setarch "$(uname -m)" -R true; then no_aslr=(setarch "$(uname -m)" -R); fi
            run_leg tsan clang++ "-O0 -g1 -fsanitize=thread -include $here/tsan.hpp" "${linker[@]}" \
                -DJOULERY_TEST_FOLDERS=engine,public_api \
                "-DJOULERY_TEST_WITH=std::thread|start[(]" "-DJOULERY_TEST_WITHOUT=operator new" \
                "${sanitizer_options[@]}"
            ;;
    esac
done
echo "all tests pass: ${legs[*]}${left_out:+; left out: ${left_out[*]}}"
