/** What can become of a symbol from one kernel to the next; in one kernel several may. */
const EVENT_NAMES = ["appeared", "moved", "ambiguous", "unique", "sympos", "vanished"] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** An event and the symbol's state after it; of one that vanished the state before. */
export interface LoggedEvent {
  /** The kernel's number. */
  readonly index: number;
  readonly event: EventName;
  readonly line: number | null;
  readonly alias: string | null;
  readonly sympos: number;
}

/** An alias of which the line is left out: `name_show@drivers_rtc_sysfs_c_` and what follows it. */
interface AliasShape {
  readonly before: string;
  readonly after: string;
}

// An event in the log: [the symbol's event before, or -1; kernel × 8 + event; line, -1 for none; sympos × 4 + form of the alias].
const WIDTH = 4;
const NO_ALIAS = 0;
const SHAPED_ALIAS = 1;
const OTHER_ALIAS = 2;

/**
 * The states of symbols and the events that led there. An event takes 16 bytes: an alias is put together again from its
 * symbol's shape and the line, and kept as it is only where that gives another one.
 */
export class EventLog {
  #log = new Int32Array(1 << 12);
  #length = 0;
  /** Of each symbol its last event, or -1. */
  readonly #last: number[] = [];
  /** Of each symbol the last event's alias. */
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
    const last = this.#last[symbol] as number;
    return last !== -1 && this.#eventName(last) !== "vanished";
  }

  hasAlias(symbol: number): boolean {
    const last = this.#last[symbol] as number;
    return last !== -1 && ((this.#log[last + 3] as number) & 3) !== NO_ALIAS;
  }

  lineOf(symbol: number): number | null {
    return this.#line(this.#last[symbol] as number);
  }

  /** The alias that a symbol has, or had when it vanished. */
  aliasOf(symbol: number): string | null {
    return this.#aliases[symbol] ?? null;
  }

  /** Whether a symbol's alias is this one. */
  isAlias(symbol: number, alias: string | null): boolean {
    return alias === this.#aliases[symbol];
  }

  /**
   * Takes down what is new of a symbol that a kernel has.
   *
   * @param alias undefined when it is the one that the symbol has
   */
  update(
    symbol: number,
    index: number,
    line: number | null,
    sympos: number,
    alias: string | null | undefined,
  ): void {
    const last = this.#last[symbol] as number;
    const isSame = alias === undefined;
    const oldSympos = (this.#log[last + 3] as number) >> 2;
    if (isSame && line === this.#line(last) && sympos === oldSympos && this.isPresent(symbol)) return;
    const now = isSame ? this.aliasOf(symbol) : alias;
    if (last === -1 || this.#eventName(last) === "vanished") {
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
    const last = this.#last[symbol] as number;
    const sympos = (this.#log[last + 3] as number) >> 2;
    this.#push(symbol, index, "vanished", this.#line(last), sympos, this.aliasOf(symbol));
  }

  /** A symbol's events, from the first. */
  eventsOf(symbol: number): LoggedEvent[] {
    const events: LoggedEvent[] = [];
    for (let at = this.#last[symbol] as number; at !== -1; at = this.#log[at] as number) {
      events.push({
        index: (this.#log[at + 1] as number) >> 3,
        event: this.#eventName(at),
        line: this.#line(at),
        alias: this.#alias(symbol, at),
        sympos: (this.#log[at + 3] as number) >> 2,
      });
    }
    return events.reverse();
  }

  #eventName(at: number): EventName {
    return EVENT_NAMES[(this.#log[at + 1] as number) & 7] as EventName;
  }

  #line(at: number): number | null {
    const line = this.#log[at + 2] as number;
    return line === -1 ? null : line;
  }

  #alias(symbol: number, at: number): string | null {
    const form = (this.#log[at + 3] as number) & 3;
    if (form === NO_ALIAS) return null;
    if (form === OTHER_ALIAS) return this.#otherAliases.get(at) ?? null;
    const { before, after } = this.#shapes[symbol] as AliasShape;
    return `${before}${this.#log[at + 2]}${after}`;
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
      this.#shapes[symbol] ??= shapeOf(alias, line);
      const { before, after } = this.#shapes[symbol] as AliasShape;
      const shaped = `${before}${line ?? -1}${after}`;
      form = alias === shaped ? SHAPED_ALIAS : OTHER_ALIAS;
      // Either is a text of its own: the row's is a part of many lines.
      const own = form === SHAPED_ALIAS ? shaped : copy(alias);
      if (form === OTHER_ALIAS) this.#otherAliases.set(at, own);
      this.#aliases[symbol] = own;
    } else {
      this.#aliases[symbol] = null;
    }
    this.#log[at] = this.#last[symbol] as number;
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

/** A text of its own, since a part of a longer one keeps all of that in memory. */
function copy(text: string): string {
  return Buffer.from(text).toString();
}
