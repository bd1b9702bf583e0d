import { Buffer } from "node:buffer";

/**
 * Numbers for texts, and for pairs of numbers, from 0 in order of first appearance. Keys of a million symbols take a tenth of the memory
 * that they take as texts.
 */
export class TextNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];

  of(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const own = copy(text);
    this.#numbers.set(own, this.#texts.length);
    return this.#texts.push(own) - 1;
  }

  /** The copy of a text. */
  own(text: string): string {
    return this.#texts[this.of(text)] ?? text;
  }
}

/** Copies a string: a row's text may be a slice of a text of many lines, and would keep all of it in memory. */
export function copy(text: string): string {
  return Buffer.from(text).toString();
}

/** A number has less than this; two fit in an integer that a double holds exactly. */
const LIMIT = 2 ** 26;

/** Numbers for tuples of numbers below 2^26. */
export class TupleNumbers {
  readonly #numbers = new Map<number, number>();

  of(first: number, second: number): number {
    const pair = first * LIMIT + second;
    const known = this.#numbers.get(pair);
    if (known !== undefined) return known;
    if (this.#numbers.size === LIMIT) throw new RangeError("too many symbols");
    this.#numbers.set(pair, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}
