// What a symbol is, as a byte (constants/symbol-kind.ts). wasm/assembly/listing.ts combines the type of an ELF symbol with the kind
// of its section.
import { SHF_EXECINSTR, SHF_WRITE } from "../constants/elf.ts";
import {
  IS_GLOBAL,
  IS_LABEL,
  IS_PER_CPU,
  IS_THREAD_LOCAL,
  IS_WEAK,
  KIND_FUNCTION,
  KIND_MASK,
  KIND_OBJECT,
} from "../constants/symbol-kind.ts";
import type { Section } from "../elf/elf-file.ts";

export const isFunction = (kind: number): boolean => (kind & KIND_MASK) === KIND_FUNCTION;
export const isObject = (kind: number): boolean => (kind & KIND_MASK) === KIND_OBJECT;
/** The kind of an object that is otherwise the same. */
export const asObject = (kind: number): number => (kind & ~KIND_MASK) | KIND_OBJECT;
export const isPerCpu = (kind: number): boolean => (kind & IS_PER_CPU) !== 0;
export const isThreadLocal = (kind: number): boolean => (kind & IS_THREAD_LOCAL) !== 0;
export const isGlobal = (kind: number): boolean => (kind & IS_GLOBAL) !== 0;
/** Whether a symbol is a label in assembly, as far as an image shows. */
export const isLabel = (kind: number): boolean => (kind & IS_LABEL) !== 0;
export const isWeak = (kind: number): boolean => (kind & IS_WEAK) !== 0;

const KIND_OF_LETTER = new Uint8Array(128);
for (const [letters, kind] of [
  ["it", KIND_FUNCTION],
  ["bdgrs", KIND_OBJECT],
] as const) {
  for (const letter of letters) {
    KIND_OF_LETTER[letter.charCodeAt(0)] = kind;
    KIND_OF_LETTER[letter.toUpperCase().charCodeAt(0)] = kind | IS_GLOBAL;
  }
}
for (const letter of "acenpu") KIND_OF_LETTER[letter.toUpperCase().charCodeAt(0)] = IS_GLOBAL;
for (const letter of "Vv") KIND_OF_LETTER[letter.charCodeAt(0)] = KIND_OBJECT | IS_WEAK;
for (const letter of "Ww") KIND_OF_LETTER[letter.charCodeAt(0)] = KIND_FUNCTION | IS_WEAK;

/**
 * The kind that nm's letter implies, if nothing else is known about a symbol.
 *
 * @param letter in ASCII (nm(1)): `t` and `w`, also in upper case, and `i` are functions; `b d g r s v`, also in upper case, objects
 */
export function kindOfLetter(letter: number): number {
  return KIND_OF_LETTER[letter] ?? 0;
}

/** The kind of the symbols in a section that have no type themselves, such as labels in assembly. @param letter the section's */
export function kindOfSection({ name, flags }: Pick<Section, "name" | "flags">, letter: number): number {
  const perCpu = name.startsWith(".data..percpu") ? IS_PER_CPU : 0;
  // From Linux 7.2 on, x86's .data is executable.
  const isExecutableData =
    (flags & SHF_EXECINSTR) !== 0 && (flags & SHF_WRITE) !== 0 && !name.includes("text");
  return (isExecutableData ? KIND_OBJECT : kindOfLetter(letter) & KIND_MASK) | perCpu;
}

/** The kind of a table's row: rows of earlier versions have only nm's letter. */
export function kindOfRow({ type, kind }: { readonly type: string; readonly kind: string | null }): number {
  const letter = kindOfLetter(type.charCodeAt(0));
  return kind === null ? letter : (letter & ~KIND_MASK) | (KIND_NAMES.indexOf(kind) & KIND_MASK);
}

/** The names of kinds in tables, by KIND_FUNCTION and KIND_OBJECT. */
const KIND_NAMES = ["other", "function", "object"];

/** The name of a kind in tables. */
export function kindName(kind: number): string {
  return KIND_NAMES[kind & KIND_MASK] ?? "other";
}
