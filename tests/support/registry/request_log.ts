/**
 * What a fake registry remembers of the requests that it was sent.
 *
 * @module
 */

/** What a request is about. */
export type RequestKind =
  | "ping"
  | "manifest"
  | "blob"
  | "upload"
  | "tags"
  | "catalog"
  | "referrers"
  | "token"
  | "unknown";

/** One request, as the registry saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly kind: RequestKind;
  readonly repository: string;
  /** Tag or digest of a manifest, digest of a blob. */
  readonly reference: string;
  readonly authorization?: string;
  readonly range?: string;
  /** When it came, in ms. */
  readonly at: number;
  status: number;
  bytesIn: number;
}

/** Requests, what was wrong with them, and how many there were at once. */
export class RequestLog {
  /** Every request, in the order of arrival. */
  readonly requests: SeenRequest[] = [];
  /** What a client must not do. */
  readonly violations: string[] = [];
  /** The most requests that were under way at once. */
  maxConcurrent = 0;
  /** How many requests there were, also where they are not kept. */
  total = 0;
  #concurrent = 0;
  readonly #keep: boolean;

  constructor(keep: boolean) {
    this.#keep = keep;
  }

  /** Notes that a request came; the returned function notes its end, once. */
  begin(): () => void {
    this.maxConcurrent = Math.max(this.maxConcurrent, ++this.#concurrent);
    let done = false;
    return () => {
      if (!done) this.#concurrent--;
      done = true;
    };
  }

  /** How many are under way. */
  get open(): number {
    return this.#concurrent;
  }

  /** Counts a request, and keeps it. */
  note(seen: SeenRequest): void {
    this.total++;
    if (this.#keep) this.requests.push(seen);
  }

  /** How many requests match. */
  count(match: Partial<SeenRequest>): number {
    return this.requests.filter((seen) => matches(seen, match)).length;
  }

  /** Blob bytes that clients sent. */
  get blobBytesReceived(): number {
    return this.requests.reduce(
      (n, r) => n + (r.kind === "upload" ? r.bytesIn : 0),
      0,
    );
  }

  /** Forgets the requests seen so far. */
  clear(): void {
    this.requests.length = 0;
    this.maxConcurrent = 0;
  }
}

/** Whether a request has all the values of a pattern. */
export function matches(
  seen: SeenRequest,
  pattern: Partial<SeenRequest>,
): boolean {
  const values = new Map<string, unknown>(Object.entries(seen));
  return Object.entries(pattern).every(([key, value]) =>
    values.get(key) === value
  );
}
