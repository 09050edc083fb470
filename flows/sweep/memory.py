"""What processes that train get in their environment, so that memory does not go back and forth."""

from __future__ import annotations

from types import MappingProxyType

# mallopt(3): blocks up to 1 GiB come from the heap, and the heap keeps up to 4 GiB. glibc's defaults, and those of
# Dask's workers more so, give every large block back to the kernel as soon as it is free; the next step of training
# takes it again, which costs a fifth of the time.
KEEP_MEMORY = MappingProxyType({"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)})
