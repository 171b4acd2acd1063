import { assertEquals } from "@std/assert";
import { signedSince } from "../../src/mirror/quarantine.ts";

const NOW = Date.UTC(2024, 0, 10);

/** An image of some parts, each accepted by signatures of some times. */
function accepted(...parts: (number | undefined)[][]) {
  return new Map(
    parts.map((times, i) => [
      `sha256:${i}`,
      times.map((time) => ({
        signer: { identity: "maker@example.com" },
        ...(time !== undefined && { signedAt: new Date(time) }),
      })),
    ]),
  );
}

const [OLD, NEW] = [Date.UTC(2024, 0, 1), Date.UTC(2024, 0, 9)];

const CASES: Record<
  string,
  [ReturnType<typeof accepted> | undefined, number | undefined]
> = {
  "no policy asks for signatures": [undefined, undefined],
  "nothing was judged": [accepted(), undefined],
  "one part": [accepted([OLD]), OLD],
  "of some parts, the youngest counts": [accepted([OLD], [NEW], [OLD]), NEW],
  "of some signatures, the youngest counts": [accepted([OLD, NEW]), NEW],
  "a signature without a time beside one that has it": [
    accepted([undefined, OLD]),
    OLD,
  ],
  "a part without a time": [accepted([OLD], [undefined]), undefined],
  "a part that was accepted without a signature": [
    accepted([OLD], []),
    undefined,
  ],
  "this moment": [accepted([NOW]), NOW],
  "a time to come": [accepted([OLD], [NOW + 1]), undefined],
  "no time at all": [accepted([0]), undefined],
  "a time that no calendar has": [accepted([NaN]), undefined],
};

for (const [name, [acceptance, want]] of Object.entries(CASES)) {
  Deno.test(`since when an image is signed: ${name}`, () => {
    assertEquals(signedSince(acceptance, NOW), want);
  });
}
