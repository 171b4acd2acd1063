/**
 * Times in Go's layouts, which are written as the reference time
 * `Mon Jan 2 15:04:05 MST 2006`.
 *
 * @module
 */

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAYS = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
];

/** Longer words first, as in Go. */
const CHUNK =
  /January|Jan|Monday|Mon|MST|2006|002|__2|_2|01|02|03|04|05|06|15|Z07:00|Z0700|Z07|-07:00|-0700|-07|PM|pm|[.,](?:0+|9+)(?!\d)|1|2|3|4|5/g;

/** A time, in UTC or in the zone of the machine. */
export class GoTime {
  readonly #date: Date;
  readonly #isUtc: boolean;

  constructor(date: Date, { isUtc = false } = {}) {
    this.#date = date;
    this.#isUtc = isUtc;
  }

  /** The same time in UTC. */
  utc(): GoTime {
    return new GoTime(this.#date, { isUtc: true });
  }

  /** The same time in the zone of the machine. */
  local(): GoTime {
    return new GoTime(this.#date);
  }

  /** Seconds since the epoch. */
  unix(): number {
    return Math.floor(this.#date.getTime() / 1000);
  }

  /** The time so many years, months and days later. */
  addDate(years: number, months: number, days: number): GoTime {
    const date = new Date(this.#shifted());
    date.setUTCFullYear(
      date.getUTCFullYear() + years,
      date.getUTCMonth() + months,
      date.getUTCDate() + days,
    );
    const moved = date.getTime() - this.#shifted().getTime();
    return new GoTime(new Date(this.#date.getTime() + moved), {
      isUtc: this.#isUtc,
    });
  }

  /** Minutes east of Greenwich. */
  #offset(): number {
    return this.#isUtc ? 0 : -this.#date.getTimezoneOffset();
  }

  /** A date whose UTC fields are those of the zone. */
  #shifted(): Date {
    return new Date(this.#date.getTime() + this.#offset() * 60_000);
  }

  /** Writes the time in a layout. */
  format(layout: string): string {
    return layout.replaceAll(CHUNK, (chunk) => this.#chunk(chunk));
  }

  #chunk(chunk: string): string {
    const at = this.#shifted();
    const hour = at.getUTCHours();
    const hour12 = hour % 12 || 12;
    const month = at.getUTCMonth();
    const day = at.getUTCDate();
    switch (chunk) {
      case "2006":
        return String(at.getUTCFullYear()).padStart(4, "0");
      case "06":
        return two(at.getUTCFullYear() % 100);
      case "January":
        return MONTHS[month]!;
      case "Jan":
        return MONTHS[month]!.slice(0, 3);
      case "01":
        return two(month + 1);
      case "1":
        return String(month + 1);
      case "Monday":
        return DAYS[at.getUTCDay()]!;
      case "Mon":
        return DAYS[at.getUTCDay()]!.slice(0, 3);
      case "02":
        return two(day);
      case "_2":
        return String(day).padStart(2);
      case "2":
        return String(day);
      case "002":
        return String(dayOfYear(at)).padStart(3, "0");
      case "__2":
        return String(dayOfYear(at)).padStart(3);
      case "15":
        return two(hour);
      case "03":
        return two(hour12);
      case "3":
        return String(hour12);
      case "04":
        return two(at.getUTCMinutes());
      case "4":
        return String(at.getUTCMinutes());
      case "05":
        return two(at.getUTCSeconds());
      case "5":
        return String(at.getUTCSeconds());
      case "PM":
        return hour < 12 ? "AM" : "PM";
      case "pm":
        return hour < 12 ? "am" : "pm";
      case "MST":
        return this.#isUtc ? "UTC" : this.#zone(false, "");
      default:
        return /^[.,]/.test(chunk)
          ? fraction(chunk, at)
          : this.#zone(chunk.startsWith("Z"), chunk);
    }
  }

  /** `+0200`, `+02:00` or `+02`. */
  #zone(mayBeZ: boolean, chunk: string): string {
    const offset = this.#offset();
    if (mayBeZ && offset === 0) return "Z";
    const [hours, minutes] = [
      Math.floor(Math.abs(offset) / 60),
      Math.abs(offset) % 60,
    ];
    const sign = offset < 0 ? "-" : "+";
    if (/07$/.test(chunk)) return `${sign}${two(hours)}`;
    const colon = chunk.includes(":") ? ":" : "";
    return `${sign}${two(hours)}${colon}${two(minutes)}`;
  }

  /** As Go prints a time. */
  toString(): string {
    return this.format("2006-01-02 15:04:05.999999999 -0700 MST");
  }
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function dayOfYear(at: Date): number {
  const start = Date.UTC(at.getUTCFullYear(), 0, 0);
  return Math.floor((at.getTime() - start) / 86_400_000);
}

/** JavaScript knows milliseconds, so what is finer is zero. */
function fraction(chunk: string, at: Date): string {
  const digits = String(at.getUTCMilliseconds()).padStart(3, "0")
    .padEnd(chunk.length - 1, "0").slice(0, chunk.length - 1);
  if (chunk[1] === "0") return `${chunk[0]}${digits}`;
  const short = digits.replace(/0+$/, "");
  return short === "" ? "" : `${chunk[0]}${short}`;
}
