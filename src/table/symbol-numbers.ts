import { isObject, kindOfRow } from "../symbols/symbol-kind.ts";
import { type KeyedRow, rowStem } from "./symbol-key.ts";
import { compareObjects, compareTexts } from "./symbol-order.ts";
import { TextNumbers, TupleNumbers } from "./text-numbers.ts";

/** The identity of a symbol across kernels; file and unit are "" when unknown. */
export interface KeyParts {
  readonly object: string;
  readonly stem: string;
  readonly file: string;
  readonly unit: string;
}

/** Numbers for the keys of symbols, from 0 in order of first appearance. */
export interface SymbolNumbers {
  of(row: KeyedRow): number;
  /** Indexed by number. */
  readonly parts: readonly KeyParts[];
}

export function newSymbolNumbers(): SymbolNumbers {
  const texts = new TextNumbers();
  const [sources, places, keys] = [new TupleNumbers(), new TupleNumbers(), new TupleNumbers()];
  const parts: KeyParts[] = [];
  /** The key that last followed each key: the symbols of a kernel mostly come in the same order as in the previous one. */
  const following: number[] = [];
  let previous = 0;
  const find = (row: KeyedRow): number => {
    const stem = rowStem(row);
    const [file, unit] = [row.file ?? "", row.unit ?? ""];
    const place = places.of(texts.of(row.object), sources.of(texts.of(file), texts.of(unit)));
    const key = keys.of(place, texts.of(stem));
    if (key === parts.length) {
      const own = (text: string) => texts.own(text);
      parts.push({ object: own(row.object), stem: own(stem), file: own(file), unit: own(unit) });
    }
    return key;
  };
  const of = (row: KeyedRow): number => {
    const guess = following[previous];
    const key = guess !== undefined && hasParts(row, parts[guess]) ? guess : find(row);
    following[previous] = key;
    previous = key;
    return key;
  };
  return { of, parts };
}

/** Quick check whether a row has a key. It fails for a row whose name is not its stem, which needs a look-up. */
function hasParts(row: KeyedRow, parts: KeyParts | undefined): boolean {
  return (
    parts !== undefined &&
    row.name === parts.stem &&
    (row.file ?? "") === parts.file &&
    (row.unit ?? "") === parts.unit &&
    row.object === parts.object &&
    !isObject(kindOfRow(row))
  );
}

/** Orders keys by object (vmlinux first), stem, file and unit. */
export function compareKeys(a: KeyParts, b: KeyParts): number {
  return (
    compareObjects(a.object, b.object) ||
    compareTexts(a.stem, b.stem) ||
    compareTexts(a.file, b.file) ||
    compareTexts(a.unit, b.unit)
  );
}

/** The rows of each key: the first one, and the next one after each; -1 for none. @param count the number of keys */
export function chains(keys: ArrayLike<number>, count: number): { first: Int32Array; next: Int32Array } {
  const first = new Int32Array(count).fill(-1);
  const next = new Int32Array(keys.length);
  for (let row = keys.length - 1; row >= 0; row--) {
    const key = keys[row] ?? 0;
    next[row] = first[key] ?? -1;
    first[key] = row;
  }
  return { first, next };
}
