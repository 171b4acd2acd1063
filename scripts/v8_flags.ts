/**
 * How hangar's programs run V8: `task hangar`, `task bench` and `task build`
 * all do. A heap that may grow early collects the buffers of large blobs less
 * often; new objects get little room, since few of them live long. A heap of 32
 * MB would save 60 MB in a run of 7,500 images, for a tenth more CPU with large
 * blobs.
 *
 * @module
 */

export const V8_FLAGS =
  "--v8-flags=--max-semi-space-size=4,--initial-heap-size=64,--heap-growing-percent=50";
