/**
 * How many images are worked on at once.
 *
 * @module
 */

/** The place of one image. */
export interface ImagePlace {
  /** Resolves when the next image may have it. */
  readonly left: Promise<void>;
  /** Gives the place away before the image has ended. */
  readonly letNextBegin?: () => void;
  /** The image has ended. */
  readonly end: () => void;
}

/**
 * The places of a run. An image of which only a last look is left may give its
 * place away: the round trip costs a registry little, and the next image a place.
 * No more than there are places may be ahead in that way, and where there is one
 * place alone, images come one after the other.
 */
export class ImagePlaces {
  readonly #count: number;
  #early = 0;

  /** @param count images at once */
  constructor(count: number) {
    this.#count = count;
  }

  /** The place of an image that begins. */
  take(): ImagePlace {
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    let isEarly = false;
    const letNextBegin = () => {
      if (isEarly || this.#early >= this.#count) return;
      isEarly = true;
      this.#early++;
      leave();
    };
    const end = () => {
      if (isEarly) this.#early--;
      leave();
    };
    return this.#count > 1 ? { left, letNextBegin, end } : { left, end };
  }
}
