import { at as itemAt } from "../checked-index.ts";
import { copy } from "./text-numbers.ts";

/** The events of a symbol from one kernel to the next; a kernel can have several. */
const EVENT_NAMES = ["appeared", "moved", "ambiguous", "unique", "sympos", "vanished"] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** An event and the symbol's state after it; for "vanished", the state before. */
export interface LoggedEvent {
  /** The kernel's number. */
  readonly index: number;
  readonly event: EventName;
  readonly line: number | null;
  readonly alias: string | null;
  readonly sympos: number;
}

/** An alias without its line: `name_show@drivers_rtc_sysfs_c_` before it, and the text after it. */
interface AliasShape {
  readonly before: string;
  readonly after: string;
}

// An event in the log: [the symbol's event before, or -1; kernel × 8 + event; line, -1 for none; sympos × 4 + form of the alias].
const WIDTH = 4;
const VANISHED = EVENT_NAMES.indexOf("vanished");
const NO_ALIAS = 0;
const SHAPED_ALIAS = 1;
const OTHER_ALIAS = 2;

/**
 * The states of symbols and the events that led to them. An event takes 16 bytes: an alias is rebuilt from its symbol's
 * shape and the line, and stored only if that would give a different alias.
 */
export class EventLog {
  #log = new Int32Array(1 << 12);
  #length = 0;
  /** The last event of each symbol, or -1. */
  readonly #last: number[] = [];
  /** The alias in each symbol's last event. */
  readonly #aliases: (string | null)[] = [];
  readonly #shapes: (AliasShape | undefined)[] = [];
  /** Aliases that do not fit their symbol's shape, by event. */
  readonly #otherAliases = new Map<number, string>();

  addSymbol(): number {
    this.#shapes.push(undefined);
    this.#aliases.push(null);
    return this.#last.push(-1) - 1;
  }

  isPresent(symbol: number): boolean {
    const last = this.#lastOf(symbol);
    return last !== -1 && !this.#isVanished(last);
  }

  hasAlias(symbol: number): boolean {
    const last = this.#lastOf(symbol);
    return last !== -1 && (this.#word(last + 3) & 3) !== NO_ALIAS;
  }

  lineOf(symbol: number): number | null {
    return this.#line(this.#lastOf(symbol));
  }

  /** The alias that a symbol has, or had when it vanished. */
  aliasOf(symbol: number): string | null {
    return this.#aliases[symbol] ?? null;
  }

  /** Whether a symbol has this alias. */
  isAlias(symbol: number, alias: string | null): boolean {
    return alias === this.#aliases[symbol];
  }

  /**
   * Records the changes of a symbol that a kernel has.
   *
   * @param alias undefined when it is unchanged
   */
  update(
    symbol: number,
    index: number,
    line: number | null,
    sympos: number,
    alias: string | null | undefined,
  ): void {
    const last = this.#lastOf(symbol);
    const isSame = alias === undefined;
    const oldSympos = this.#word(last + 3) >> 2;
    if (isSame && line === this.#line(last) && sympos === oldSympos && this.isPresent(symbol)) return;
    const now = isSame ? this.aliasOf(symbol) : alias;
    if (last === -1 || this.#isVanished(last)) {
      this.#push(symbol, index, "appeared", line, sympos, now);
      return;
    }
    const wasAliased = this.hasAlias(symbol);
    const hasOtherAlias = !isSame && now !== null && wasAliased && !this.isAlias(symbol, now);
    if (line !== this.#line(last) || hasOtherAlias) this.#push(symbol, index, "moved", line, sympos, now);
    if (now !== null && !wasAliased) this.#push(symbol, index, "ambiguous", line, sympos, now);
    if (now === null && wasAliased) this.#push(symbol, index, "unique", line, sympos, now);
    if (sympos !== oldSympos) this.#push(symbol, index, "sympos", line, sympos, now);
  }

  vanish(symbol: number, index: number): void {
    const last = this.#lastOf(symbol);
    const sympos = this.#word(last + 3) >> 2;
    this.#push(symbol, index, "vanished", this.#line(last), sympos, this.aliasOf(symbol));
  }

  /** A symbol's events, oldest first. */
  eventsOf(symbol: number): LoggedEvent[] {
    const events: LoggedEvent[] = [];
    for (let at = this.#lastOf(symbol); at !== -1; at = this.#word(at)) {
      events.push({
        index: this.#word(at + 1) >> 3,
        event: itemAt(EVENT_NAMES, this.#word(at + 1) & 7),
        line: this.#line(at),
        alias: this.#alias(symbol, at),
        sympos: this.#word(at + 3) >> 2,
      });
    }
    return events.reverse();
  }

  #lastOf(symbol: number): number {
    return this.#last[symbol] ?? -1;
  }

  #word(index: number): number {
    const word = this.#log[index];
    if (word === undefined) throw new RangeError(`word ${index} of ${this.#log.length}`);
    return word;
  }

  #isVanished(at: number): boolean {
    return (this.#word(at + 1) & 7) === VANISHED;
  }

  #line(at: number): number | null {
    const line = this.#word(at + 2);
    return line === -1 ? null : line;
  }

  #alias(symbol: number, at: number): string | null {
    const form = this.#word(at + 3) & 3;
    const shape = this.#shapes[symbol];
    if (form === NO_ALIAS || shape === undefined) return null;
    if (form === OTHER_ALIAS) return this.#otherAliases.get(at) ?? null;
    return `${shape.before}${this.#word(at + 2)}${shape.after}`;
  }

  #push(
    symbol: number,
    index: number,
    event: EventName,
    line: number | null,
    sympos: number,
    alias: string | null,
  ): void {
    if (this.#length + WIDTH > this.#log.length) {
      const longer = new Int32Array(2 * this.#log.length);
      longer.set(this.#log);
      this.#log = longer;
    }
    const at = this.#length;
    this.#length += WIDTH;
    let form = NO_ALIAS;
    if (alias !== null) {
      const shape = this.#shapes[symbol] ?? shapeOf(alias, line);
      this.#shapes[symbol] = shape;
      const shaped = `${shape.before}${line ?? -1}${shape.after}`;
      form = alias === shaped ? SHAPED_ALIAS : OTHER_ALIAS;
      // Copies, since the row's strings are slices of a text of many lines.
      const own = form === SHAPED_ALIAS ? shaped : copy(alias);
      if (form === OTHER_ALIAS) this.#otherAliases.set(at, own);
      this.#aliases[symbol] = own;
    } else {
      this.#aliases[symbol] = null;
    }
    this.#log[at] = this.#lastOf(symbol);
    this.#log[at + 1] = (index << 3) | EVENT_NAMES.indexOf(event);
    this.#log[at + 2] = line ?? -1;
    this.#log[at + 3] = (sympos << 2) | form;
    this.#last[symbol] = at;
  }
}

function shapeOf(alias: string, line: number | null): AliasShape {
  const digits = `_${line}`;
  const at = alias.lastIndexOf(digits);
  if (line === null || at === -1) return { before: "", after: "" };
  return { before: copy(alias.slice(0, at + 1)), after: copy(alias.slice(at + digits.length)) };
}
