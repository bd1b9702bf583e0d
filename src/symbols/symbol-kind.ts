// What a symbol is, as a byte (constants/symbol-kind.ts): of an ELF file wasm/assembly/listing.ts decides it, of anything else
// this file.
import {
  IS_GLOBAL,
  IS_PER_CPU,
  IS_THREAD_LOCAL,
  IS_WEAK,
  KIND_FUNCTION,
  KIND_MASK,
  KIND_OBJECT,
} from "../constants/symbol-kind.ts";

export const isFunction = (kind: number): boolean => (kind & KIND_MASK) === KIND_FUNCTION;
export const isObject = (kind: number): boolean => (kind & KIND_MASK) === KIND_OBJECT;
export const isPerCpu = (kind: number): boolean => (kind & IS_PER_CPU) !== 0;
export const isThreadLocal = (kind: number): boolean => (kind & IS_THREAD_LOCAL) !== 0;
export const isGlobal = (kind: number): boolean => (kind & IS_GLOBAL) !== 0;
export const isWeak = (kind: number): boolean => (kind & IS_WEAK) !== 0;

const KIND_OF_LETTER = new Uint8Array(128);
for (const [letters, kind] of [
  ["t", KIND_FUNCTION],
  ["bdr", KIND_OBJECT],
] as const) {
  for (const letter of letters) {
    KIND_OF_LETTER[letter.charCodeAt(0)] = kind;
    KIND_OF_LETTER[letter.toUpperCase().charCodeAt(0)] = kind | IS_GLOBAL;
  }
}
for (const letter of "aceginpsu") KIND_OF_LETTER[letter.toUpperCase().charCodeAt(0)] = IS_GLOBAL;
for (const letter of "Vv") KIND_OF_LETTER[letter.charCodeAt(0)] = KIND_OBJECT | IS_WEAK;
for (const letter of "Ww") KIND_OF_LETTER[letter.charCodeAt(0)] = IS_WEAK;

/**
 * The kind that nm's letter gives, where nothing else is known of a symbol.
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
