/**
 * How hangar's programs run V8: `task hangar`, `task bench` and `task build`
 * all do. The heap begins small and grows in small steps, which costs nothing
 * while the buffers of large blobs are freed by hand: a run of 7,500 images takes
 * 30 MB less. New objects get little room, since few of them live long; with half
 * of that it would be 7 MB less for a tenth more CPU.
 *
 * @module
 */

export const V8_FLAGS =
  "--v8-flags=--max-semi-space-size=4,--initial-heap-size=32,--heap-growing-percent=30";
