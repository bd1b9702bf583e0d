import { isObject, kindOfRow } from "../symbols/symbol-kind.ts";
import { KEY_SEPARATOR, type KeyedRow, symbolKey } from "./symbol-key.ts";
import { compareObjects, compareTexts } from "./symbol-order.ts";

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
  const numbers = new Map<string, number>();
  const parts: KeyParts[] = [];
  /** The key that last followed each key: the symbols of a kernel mostly come in the same order as in the previous one. */
  const following: number[] = [];
  let previous = 0;
  const find = (row: KeyedRow): number => {
    const text = symbolKey(row);
    const known = numbers.get(text);
    if (known !== undefined) return known;
    numbers.set(text, parts.length);
    // Not the row's own strings, which are slices of a text of many lines and would keep all of it in memory.
    const [object = "", stem = "", file = "", unit = ""] = text.split(KEY_SEPARATOR);
    return parts.push({ object, stem, file, unit }) - 1;
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
