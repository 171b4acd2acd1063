/**
 * How hangar's programs run V8: `task hangar`, `task bench` and `task build`
 * all do. A heap that may grow early collects the buffers of large blobs less
 * often where they cannot be freed by hand (`--tls-verify=false`); new objects get
 * little room, since few of them live long. A heap of 32 MB that grows by 30 %
 * would save 30 MB in a run of 7,500 images; such blobs would take more than twice
 * the CPU time.
 *
 * @module
 */

export const V8_FLAGS =
  "--v8-flags=--max-semi-space-size=4,--initial-heap-size=64,--heap-growing-percent=50";
