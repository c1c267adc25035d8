#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Interrupts training at random moments and resumes it, N times by SIGKILL and N times by SIGTERM and
# SIGINT; every run must end byte for byte as an unbroken one. Needs a built preset release.
#   tests/crash.sh N [SEED] [--only kill|stop]
set -euo pipefail
exec python3 "$(dirname "$0")/crash/crash.py" "$@"
