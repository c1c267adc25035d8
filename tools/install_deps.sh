#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs from Debian what building and testing Heddle need. Does nothing, quickly and without
# network or root, when everything is there.
set -euo pipefail

packages=(
  cmake ninja-build ccache g++ git python3
  llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools liblld-22-dev lld-22
  clang-22 libclang-rt-22-dev clang-format-22 clang-tidy-22
  protobuf-compiler libprotobuf-dev libabsl-dev libcli11-dev nlohmann-json3-dev nettle-dev
  libpcre2-dev libutf8proc-dev
  libgtest-dev libgmock-dev libbenchmark-dev zlib1g-dev libzstd-dev
)

missing=()
for package in "${packages[@]}"; do
  # Also "deinstall ok config-files" has a record; only this one is installed.
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
echo "install_deps: missing: ${missing[*]}" >&2

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install_deps: not root and no sudo; run as root: apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
apt() { ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >&2; }

# A stale or half reachable mirror may still have what is needed: the installation below decides.
apt update || echo "install_deps: apt-get update failed, going on with the lists at hand" >&2
for package in "${missing[@]}"; do
  candidate=$(apt-cache policy "$package" | sed -n 's/^ *Candidate: //p')
  if [ -z "$candidate" ] || [ "$candidate" = "(none)" ]; then
    echo "install_deps: no package $package in the configured sources." >&2
    case "$package" in
      *22*) echo "install_deps: Heddle needs LLVM and MLIR 22: Debian 12 (bookworm-security) or later, or apt.llvm.org." >&2 ;;
    esac
    exit 1
  fi
done
apt install -y --no-install-recommends "${missing[@]}"
