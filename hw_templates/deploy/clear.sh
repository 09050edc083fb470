# Read by `sh` on the board: makes the folder named by the argument an empty one.
set -eu
rm -rf "$1"
mkdir -p "$1"
