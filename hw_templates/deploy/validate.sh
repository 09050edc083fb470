# Read by `sh` on the board: puts the copied folder in its place and runs its validation.
# Arguments: folder, Python, "sudo" or "", seconds without progress that mean a failure.
set -eu
folder=$1 python=$2 sudo=$3 timeout=$4
rm -rf "$folder"
mv "$folder.part" "$folder"
cd "$folder"
if [ "$sudo" = sudo ]; then
    # With what PYNQ's own shells have, which sudo drops.
    exec sudo -n env "BOARD=${BOARD:-}" "XILINX_XRT=${XILINX_XRT:-/usr}" "$python" -u validate.py --timeout "$timeout"
fi
exec "$python" -u validate.py --timeout "$timeout"
