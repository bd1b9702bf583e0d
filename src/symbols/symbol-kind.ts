// The kind of a symbol, in one byte: function, object or other; storage of its variable; binding. Decided only here.

/** The bits for function, object or other. */
const KIND = 0b11;
const FUNCTION = 1;
const OBJECT = 2;
/** A variable with one copy per CPU; its value is an offset, not an address (include/linux/percpu-defs.h). */
const PER_CPU = 1 << 2;
/** STT_TLS. */
const THREAD_LOCAL = 1 << 3;
/** STB_GLOBAL; without this bit and the next, STB_LOCAL. */
const GLOBAL = 1 << 4;
/** STB_WEAK. */
const WEAK = 1 << 5;

export const isFunction = (kind: number): boolean => (kind & KIND) === FUNCTION;
export const isObject = (kind: number): boolean => (kind & KIND) === OBJECT;
export const isPerCpu = (kind: number): boolean => (kind & PER_CPU) !== 0;
export const isThreadLocal = (kind: number): boolean => (kind & THREAD_LOCAL) !== 0;
export const isGlobal = (kind: number): boolean => (kind & GLOBAL) !== 0;
export const isWeak = (kind: number): boolean => (kind & WEAK) !== 0;

const KIND_OF_LETTER = new Uint8Array(128);
for (const [letters, kind] of [
  ["t", FUNCTION],
  ["bdr", OBJECT],
] as const) {
  for (const letter of letters) {
    KIND_OF_LETTER[letter.charCodeAt(0)] = kind;
    KIND_OF_LETTER[letter.toUpperCase().charCodeAt(0)] = kind | GLOBAL;
  }
}
for (const letter of "aceginpsu") KIND_OF_LETTER[letter.toUpperCase().charCodeAt(0)] = GLOBAL;
for (const letter of "Vv") KIND_OF_LETTER[letter.charCodeAt(0)] = OBJECT | WEAK;
for (const letter of "Ww") KIND_OF_LETTER[letter.charCodeAt(0)] = WEAK;

/**
 * The kind that nm's letter implies, if nothing else is known about a symbol.
 *
 * @param letter in ASCII (nm(1)): `t` and `T` are functions; `b d r`, their global forms, `v` and `V` objects
 */
export function kindOfLetter(letter: number): number {
  return KIND_OF_LETTER[letter] ?? 0;
}

/** The kind of a table's row. */
export function kindOfRow({ type }: { readonly type: string }): number {
  return kindOfLetter(type.charCodeAt(0));
}

/** The kinds of symbols, from their letters. */
export function kindsOfLetters(letters: Uint8Array): Uint8Array {
  const kinds = new Uint8Array(letters.length);
  for (const [symbol, letter] of letters.entries()) kinds[symbol] = KIND_OF_LETTER[letter] ?? 0;
  return kinds;
}
