# Read by `sh` on the board: what is there. Arguments: the Python to use ("" to look for one).
# Prints one key=value a line.
set -u
board="${BOARD:-}"
if [ -z "$board" ] && [ -r /etc/environment ]; then
    board=$(sed -n 's/^BOARD=//p' /etc/environment | tr -d "\"'")
fi
echo "board=$board"
found=
for python in "$1" /usr/local/share/pynq-venv/bin/python3 python3; do
    [ -n "$python" ] || continue
    if "$python" -c 'import numpy, pynq' >/dev/null 2>&1; then
        found=$python
        break
    fi
    [ -z "$1" ] || break
done
echo "python=$found"
echo "free_kb=$(df -Pk . | awk 'NR == 2 {print $4}')"
if [ "$(id -u)" = 0 ]; then echo "root=yes"
elif sudo -n true >/dev/null 2>&1; then echo "root=sudo"
else echo "root=no"
fi
echo "home=$(pwd)"
echo "probe=done"
