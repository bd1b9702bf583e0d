import { lowerBound } from "../binary-search.ts";
import { at } from "../checked-index.ts";
import * as dw from "../constants/dwarf.ts";
import { addressDistance, compareAddresses } from "../elf/address.ts";
import { Failure } from "../failure.ts";
import { DebugInfoScanner, type WantedAddresses, type WantedDies } from "./debug-info-scanner.ts";
import type { DebugSections } from "./debug-sections.ts";
import { type Die, DieReader, type DieUnit } from "./die.ts";
import { linePath } from "./line-program.ts";
import { type LineProgram, readLineProgram } from "./line-program-header.ts";
import { SplitUnits } from "./split-units.ts";
import { type NamedUnit, unitOffsets } from "./unit.ts";
import { hasAddresses, readUnitHeader, type UnitHeader } from "./unit-header.ts";
import { type Address, forEachRange } from "./unit-ranges.ts";

/** Limit for chains of DW_AT_abstract_origin and DW_AT_specification; a longer chain is cyclic. */
const MOST_REFERENCES = 16;

/** The start of code, and its length in bytes. */
interface Code extends Address {
  readonly length: number;
}

/** A variable or function at a wanted address, and its declaration. The methods look data up on demand. */
export interface DeclaredObject {
  /** The concrete DIE: the one with the address. */
  readonly die: Die;
  readonly isVariable: boolean;
  /** Whether it is inside a function. */
  readonly isLocal: boolean;
  /** Whether the address is a function's entry, not the start of another piece of the function. */
  readonly isEntry: boolean;
  /** Whether it is at the address itself; otherwise, it is a function that begins within the address's size. */
  readonly isExact: boolean;
  /** The code of the function, or of its piece that was found; undefined for a variable. */
  code(): Code | undefined;
  /** DW_AT_linkage_name; null if there is none. */
  linkageName(): string | null;
  /** DW_AT_name; null if there is none. */
  name(): string | null;
  /** The name of the enclosing function; null outside functions. */
  functionName(): string | null;
  /** Where it is declared; undefined for compiler-generated objects. */
  declaration(): Declaration | undefined;
}

/** A place in the source. */
export interface Declaration {
  /** Path as in the debug information, joined to its directory. */
  readonly path: string;
  /** Line number, from 1. */
  readonly line: number;
  /** The unit in which the object's source was compiled. */
  readonly unit: DeclaringUnit;
}

/** A unit, without the file that it was read from. */
export interface DeclaringUnit extends NamedUnit {
  /** Section and offset in it: the same for one unit only. */
  readonly id: string;
}

/**
 * Scans .debug_info once, one unit at a time, and reports the variables and functions at wanted addresses. A function in
 * several pieces is reported for each piece.
 *
 * The DIEs of a skeleton are read from its split unit.
 *
 * @param take called with the index of the address; the object is valid only during the call
 * @param within the offsets of the units to scan; all by default
 * @throws Failure for damaged debug information
 */
export function forEachObject(
  sections: DebugSections,
  wants: WantedDies,
  addresses: WantedAddresses,
  take: (address: number, object: DeclaredObject, reader: DieReader) => void,
  within?: ReadonlySet<number>,
): void {
  const scanner = new DebugInfoScanner(wants, addresses);
  const reader = new DieReader(sections, scanner.infoOf(sections));
  const splitUnits = new SplitUnits(sections);
  for (const offset of within ?? unitOffsets(sections)) {
    const header = readUnitHeader(sections, offset);
    if (!hasAddresses(header)) continue;
    // A unit that refers to .debug_addr: a skeleton does.
    const root = sections.addr.size > 0 ? reader.unit(header) : undefined;
    const split = root?.split && splitUnits.open(root.compilationDirectory, root.split);
    if (root?.split && typeof split === "string") sections.missing.add(root.split.file, split, NOT_DECLARED);
    if (root === undefined || typeof split !== "object") {
      const hasIndices = root !== undefined && (header.version >= 5 || root.split !== undefined);
      forEachObjectIn(scanner, reader, header, hasIndices ? root.addressBase : undefined, addresses, take);
      continue;
    }
    try {
      const own = new DieReader(split.sections, scanner.infoOf(split.sections), root);
      forEachObjectIn(scanner, own, split.header, root.addressBase, addresses, take);
    } finally {
      split.close();
    }
  }
}

const NOT_DECLARED = "declarations and parameters that are in it are unknown";

/** Reports the variables and functions of a unit that are at wanted addresses. */
function forEachObjectIn(
  scanner: DebugInfoScanner,
  reader: DieReader,
  header: UnitHeader,
  addressBase: number | undefined,
  addresses: WantedAddresses,
  take: (address: number, object: DeclaredObject, reader: DieReader) => void,
): void {
  const { sections } = reader;
  const sources = new DeclarationReader(reader);
  let unit: DieUnit | undefined;
  scanner.scan(sections, header, addressBase, (found, abbreviationAt) => {
    unit ??= reader.unit(header, abbreviationAt);
    const die = reader.read(unit, found.offset);
    if (die === undefined) return;
    const scope = found.scope === 0 ? undefined : reader.read(unit, found.scope);
    const object = { ...sources.object(die, scope), isExact: found.isExact };
    if (found.address >= 0) take(found.address, object, reader);
    const ranges = die.attributes.get(dw.DW_AT_ranges);
    if (object.isVariable || ranges === undefined) return;
    let isEntry = found.address < 0;
    forEachRange(sections, { ...unit, ranges }, (high, low, length) => {
      const match = findAddress(addresses, high, low);
      if (match !== undefined && match.index !== found.address) {
        const code = () => ({ high, low, length });
        take(match.index, { ...object, isExact: match.isExact, isEntry, code }, reader);
      }
      isEntry = false;
    });
  });
}

const declaringUnits = new WeakMap<DieUnit, DeclaringUnit>();

function declaringUnit(unit: DieUnit): DeclaringUnit {
  const { name, compilationDirectory, offset, reader } = unit;
  const known = declaringUnits.get(unit) ?? {
    name,
    compilationDirectory,
    id: `${reader.info.name} ${offset}`,
  };
  declaringUnits.set(unit, known);
  return known;
}

/** The wanted address that a piece of a function begins at, or within whose size it begins. */
function findAddress({ high, low, size }: WantedAddresses, pieceHigh: number, pieceLow: number) {
  const compare = (i: number) => compareAddresses(at(high, i), at(low, i), pieceHigh, pieceLow);
  const next = lowerBound(low.length, (i) => compare(i) < 0);
  if (next < low.length && compare(next) === 0) return { index: next, isExact: true };
  const index = next - 1;
  if (index < 0) return undefined;
  const offset = addressDistance(pieceHigh, pieceLow, at(high, index), at(low, index));
  return offset < at(size, index) ? { index, isExact: false } : undefined;
}

/** Reads declarations. It caches the line program header of the current unit. */
class DeclarationReader {
  readonly #reader: DieReader;
  #programUnit: DieUnit | undefined;
  #program: LineProgram | undefined;

  constructor(reader: DieReader) {
    this.#reader = reader;
  }

  object(die: Die, scope: Die | undefined): DeclaredObject {
    const isVariable = die.tag === dw.DW_TAG_variable;
    return {
      die,
      isVariable,
      isLocal: scope !== undefined,
      isEntry: !isVariable,
      isExact: true,
      code: () => (isVariable ? undefined : this.#code(die)),
      name: () => this.#name(die, dw.DW_AT_name),
      linkageName: () =>
        this.#name(die, dw.DW_AT_linkage_name) ?? this.#name(die, dw.DW_AT_MIPS_linkage_name),
      functionName: () => (scope === undefined ? null : this.#name(scope, dw.DW_AT_name)),
      declaration: () => {
        // Compiler-generated variables in a function, such as __func__, have no declaration: use the function's.
        const own = this.#declaration(die);
        return own ?? (scope === undefined ? undefined : this.#declaration(scope));
      },
    };
  }

  /** A DIE, then the DIEs that it refers to as abstract origin or specification (DWARF 5 sections 2.13.2 and 3.3.8). */
  *#chain(die: Die): Generator<Die> {
    let next: Die | undefined = die;
    for (let i = 0; next !== undefined; i++) {
      if (i === MOST_REFERENCES) {
        throw new Failure(
          "DAMAGED",
          this.#reader.sections.info.name,
          `at 0x${die.offset.toString(16)}: DIE references form a cycle`,
          "the file is damaged: build it again",
        );
      }
      yield next;
      next =
        this.#reader.reference(next, dw.DW_AT_abstract_origin) ??
        this.#reader.reference(next, dw.DW_AT_specification);
    }
  }

  /** A DIE's code, unless it is in several pieces. */
  #code({ unit, attributes }: Die): Code | undefined {
    const [lowPc, highPc] = [attributes.get(dw.DW_AT_low_pc), attributes.get(dw.DW_AT_high_pc)];
    const own = { ...unit, lowPc, highPc, ranges: undefined };
    let code: Code | undefined;
    forEachRange(this.#reader.sections, own, (high, low, length) => {
      code = { high, low, length };
    });
    return code;
  }

  #name(die: Die, attribute: number): string | null {
    for (const each of this.#chain(die)) {
      const name = this.#reader.string(each, attribute);
      if (name !== null) return name;
    }
    return null;
  }

  #declaration(die: Die): Declaration | undefined {
    let file: number | undefined;
    let fileUnit = die.unit;
    let line = 0;
    let { unit } = die;
    for (const each of this.#chain(die)) {
      const { attributes } = each;
      if (file === undefined && attributes.has(dw.DW_AT_decl_file)) {
        file = attributes.get(dw.DW_AT_decl_file)?.value;
        fileUnit = each.unit;
      }
      if (line === 0) line = attributes.get(dw.DW_AT_decl_line)?.value ?? 0;
      // With LTO, the source's unit is that of the abstract origin.
      if (!each.unit.isPartial) unit = each.unit;
    }
    if (file === undefined || line === 0) return undefined;
    const path = this.#path(fileUnit, file);
    if (path === undefined) return undefined;
    return { path, line, unit: declaringUnit(unit) };
  }

  /** The path of a file by its number in the unit's line program. */
  #path(unit: DieUnit, file: number): string | undefined {
    const { lineProgram, lineSections, addressSize } = unit;
    if (lineProgram === null) return undefined;
    const known = this.#programUnit;
    if (
      this.#program === undefined ||
      known?.lineProgram !== lineProgram ||
      known.lineSections !== lineSections
    ) {
      this.#program = readLineProgram(lineSections, lineProgram, addressSize);
      this.#programUnit = unit;
    }
    // Before DWARF 5, files are numbered from 1 and 0 means none.
    if (file === 0 && this.#program.version < 5) return undefined;
    return linePath(lineSections, this.#program, file, unit.compilationDirectory);
  }
}
