import { assertEquals } from "@std/assert";
import { ImagePlaces } from "../../../src/mirror/pool/image_places.ts";

/** Whether a place has been left by now. */
async function isLeft({ left }: { readonly left: Promise<void> }) {
  return await Promise.race([
    left.then(() => true),
    Promise.resolve().then(() => Promise.resolve()).then(() => false),
  ]);
}

Deno.test("places: one that is given away is left before its image ends", async () => {
  const places = new ImagePlaces(2);
  const first = places.take();
  assertEquals(await isLeft(first), false);
  first.letNextBegin!();
  assertEquals(await isLeft(first), true);
});

Deno.test("places: no more are given away at once than there are", async () => {
  const places = new ImagePlaces(2);
  const [a, b, c] = [places.take(), places.take(), places.take()];
  for (const place of [a, a, b, c]) place.letNextBegin!();
  assertEquals(
    [await isLeft(a), await isLeft(b), await isLeft(c)],
    [true, true, false],
  );
  a.end();
  c.letNextBegin!();
  assertEquals(await isLeft(c), true);
});

Deno.test("places: a single one is left when its image has ended", async () => {
  const place = new ImagePlaces(1).take();
  assertEquals(place.letNextBegin, undefined);
  assertEquals(await isLeft(place), false);
  place.end();
  assertEquals(await isLeft(place), true);
});
