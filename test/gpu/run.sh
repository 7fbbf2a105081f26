#!/bin/sh
# Checks and measures the webgpu engine on a machine with a graphics card, and prints a table.
#
#   test/gpu/run.sh pack [FILE.tar.xz]   packs what a bare Linux machine needs: Node, the built project, the packages it
#                                        uses and the WebGPU addon; VULKAN_LOADER=/path/libvulkan.so.1 adds the loader
#   test/gpu/run.sh                      runs, in the repository (after npm ci) or in the unpacked archive
#   test/gpu/run.sh --dry                the same at tiny sizes on a software adapter: tests this script, measures nothing
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
node=$root/bin/node
[ -x "$node" ] || node=node
if [ -d "$root/lib" ]; then
  LD_LIBRARY_PATH=$root/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
fi
XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}
export XDG_RUNTIME_DIR

if [ "${1:-}" = pack ]; then
  shift
  exec "$node" dist/test/gpu/pack.js "$@"
fi
exec "$node" dist/test/gpu/main.js "$@"
