#!/usr/bin/env bash
# Installs everything the build and the test suite need from outside Cargo, on Debian 12 or a
# later Debian/Ubuntu whose package lists carry LLVM 22. Safe to run again: what is installed is
# skipped, and with nothing missing apt is never called (so no root is needed).
#
#   scripts/setup.sh [--no-llvm] [--no-cross] [--no-emu] [--no-core] [--check]
#
#   --no-llvm   without LLVM/MLIR 22 (the `mlir` feature cannot be built then)
#   --no-cross  without the C cross compilers
#   --no-emu    without QEMU
#   --no-core   without the Rust compiler and library source used for foreign targets
#   --check     install nothing; list what is missing and exit 1 if anything is
set -euo pipefail

llvm=1 cross=1 emu=1 core=1 check=0
for arg in "$@"; do
    case "$arg" in
        --no-llvm) llvm=0 ;;
        --no-cross) cross=0 ;;
        --no-emu) emu=0 ;;
        --no-core) core=0 ;;
        --check) check=1 ;;
        -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "setup.sh: unknown option '$arg' (see --help)" >&2; exit 2 ;;
    esac
done

# Python with numpy and Pillow only prepares data files of public models for tests.
packages=(gcc g++ libc6-dev make cmake git pkg-config python3 python3-numpy python3-pil)
if [ "$llvm" = 1 ]; then
    # melior links the static archives; libpolly and libzstd are in llvm-config's list of
    # libraries without being dependencies of llvm-22-dev. llvm-22 has llvm-objdump and llvm-mca.
    packages+=(llvm-22 llvm-22-dev libmlir-22-dev libclang1-22 libclang-common-22-dev
        libpolly-22-dev libzstd-dev zlib1g-dev)
fi
if [ "$cross" = 1 ]; then
    packages+=(gcc-arm-none-eabi libnewlib-arm-none-eabi
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross
        gcc-riscv64-linux-gnu libc6-dev-riscv64-cross
        gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf)
fi
if [ "$emu" = 1 ]; then
    packages+=(qemu-user qemu-system-arm qemu-system-misc)
    # The class in an AAR is compiled again and called from a JVM.
    command -v javac >/dev/null || packages+=(default-jdk-headless)
fi
if [ "$core" = 1 ]; then
    # Compiler and library source must be one version: `-Z build-std` with another pair fails
    # on mismatched language items.
    packages+=(rustc-web rust-web-src)
fi

missing=()
for p in "${packages[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$p")
done

if [ "${#missing[@]}" -eq 0 ]; then
    echo "setup: all ${#packages[@]} packages are installed"
    exit 0
fi
if [ "$check" = 1 ]; then
    echo "setup: missing: ${missing[*]}"
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "setup: apt-get not found; install by hand: ${missing[*]}" >&2
    exit 1
fi

root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: need root or sudo to install: ${missing[*]}" >&2
        exit 1
    fi
    root=(sudo)
fi
apt() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get \
        -o DPkg::Lock::Timeout=500 -o Acquire::Retries=3 -qq "$@"
}

echo "setup: installing ${missing[*]}"
apt update
# A name apt does not know fails the whole call, so name the culprits first.
unknown=()
for p in "${missing[@]}"; do
    apt-cache show "$p" >/dev/null 2>&1 || unknown+=("$p")
done
if [ "${#unknown[@]}" -gt 0 ]; then
    echo "setup: not in this system's package lists: ${unknown[*]}" >&2
    echo "setup: Debian 12 has all of them in its main and security suites" >&2
    exit 1
fi
apt install -y --no-install-recommends "${missing[@]}" >/dev/null
echo "setup: done"
