#!/bin/sh
# Print the path of the first Python here that Plumbline can use: 3.11 to 3.14, and able to make a virtual environment.
# Each candidate is run, not only looked up: a version manager may list names that do not work. The path printed is
# that of Python itself, because a version manager's command is slow at every call.
set -u
seen=""
# Prints the version, and the path if Python has the modules.
code='import sys; sys.stdout.write("%d.%d " % sys.version_info[:2]); import ensurepip, ssl, venv; print(sys.executable)'
# The virtual environment comes before the rest: as long as its Python works, no other is needed.
set -- .venv/bin/python python3 python3.13 python3.12 python3.11 python3.14 python
if [ -n "${PYTHON:-}" ]; then
    set -- "$PYTHON" "$@"
fi
for name in "$@"; do
    output=$("$name" -c "$code" 2>/dev/null)
    version=${output%% *}
    path=${output#* }
    case "$version" in
        "") continue ;;
        3.11 | 3.12 | 3.13 | 3.14) ;;
        *)
            seen="$seen $name is $version;"
            continue
            ;;
    esac
    if [ -n "$path" ]; then
        printf '%s\n' "$path"
        exit 0
    fi
    seen="$seen $name $version lacks the venv module (Debian, Ubuntu: apt-get install python3-venv);"
done
{
    echo "Plumbline needs Python 3.11, 3.12, 3.13 or 3.14 with its venv module."
    echo "Found:${seen:- no Python at all}"
    echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv; Fedora: dnf install python3;"
    echo "macOS: brew install python@3.13), or name yours: make run PYTHON=/path/to/python3"
} >&2
exit 1
