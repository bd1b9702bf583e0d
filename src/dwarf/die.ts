import { lowerBound } from "../binary-search.ts";
import { at } from "../checked-index.ts";
import * as dw from "../constants/dwarf.ts";
import type { ByteSource } from "../elf/byte-source.ts";
import { Cursor } from "../elf/cursor.ts";
import { Failure } from "../failure.ts";
import { type Abbreviation, findCode, readAbbreviation } from "./abbreviations.ts";
import type { DebugSections } from "./debug-sections.ts";
import { type FormValue, formString, readForm } from "./forms.ts";
import { splitDwarf, type Unit, unitOffsets } from "./unit.ts";
import { hasAddresses, readUnitHeader, type UnitHeader } from "./unit-header.ts";

/** A unit whose DIEs can be read individually. */
export interface DieUnit extends Unit, UnitHeader {
  /** Whether it is a partial unit: DIEs that other units share (dwz or a language creates it), with no source file of its own. */
  readonly isPartial: boolean;
  /** DW_AT_producer: the compiler. */
  readonly producer: string | null;
  readonly stringOffsetsBase: number;
  readonly locationListsBase: number;
  abbreviation(code: number): Abbreviation;
}

/** A debugging information entry (DWARF 5 section 2.1). */
export interface Die {
  readonly unit: DieUnit;
  /** Offset in .debug_info. */
  readonly offset: number;
  /** DW_TAG_… */
  readonly tag: number;
  readonly attributes: ReadonlyMap<number, FormValue>;
  readonly hasChildren: boolean;
  /** Offset of the next DIE: the first child, if there are children. */
  readonly end: number;
}

/** Size of the cache of units reached through references. */
const HELD_UNITS = 256;

/** Reads DIEs of .debug_info by their offsets. */
export class DieReader {
  readonly sections: DebugSections;
  /** The content of .debug_info. */
  readonly info: ByteSource;
  #offsets: Float64Array | undefined;
  readonly #units = new Map<number, DieUnit | null>();

  /** @param info alternative source for the content of .debug_info */
  constructor(sections: DebugSections, info: ByteSource = sections.info) {
    this.sections = sections;
    this.info = info;
  }

  /**
   * Reads a unit's root DIE.
   *
   * @param abbreviationAt returns the offset in .debug_abbrev of the abbreviation with a code; undefined if unknown
   * @throws Failure for split DWARF or a damaged root DIE
   */
  unit(header: UnitHeader, abbreviationAt?: (code: number) => number | undefined): DieUnit {
    const { sections } = this;
    const known = new Map<number, Abbreviation>();
    const abbreviation = (code: number) => {
      let found = known.get(code);
      if (found === undefined) {
        const at = abbreviationAt?.(code) ?? findCode(sections, header.abbreviations, code);
        found = readAbbreviation(sections, at);
        known.set(code, found);
      }
      return found;
    };
    const bare: DieUnit = {
      ...header,
      abbreviation,
      isPartial: true,
      name: null,
      producer: null,
      compilationDirectory: null,
      lineProgram: null,
      lowPc: undefined,
      highPc: undefined,
      ranges: undefined,
      addressBase: 0,
      stringOffsetsBase: 0,
      rangeListsBase: 0,
      locationListsBase: 0,
    };
    const root = this.read(bare, header.root);
    if (root === undefined) return bare;
    const { attributes } = root;
    if (attributes.has(dw.DW_AT_GNU_dwo_name) || attributes.has(dw.DW_AT_dwo_name))
      throw splitDwarf(sections);
    const base = (attribute: number, fallback: number) => attributes.get(attribute)?.value ?? fallback;
    // Without the attribute, the only table begins after its header (DWARF 5 section 7.26).
    const headerSize = header.offsetSize * 2;
    const unit = {
      ...bare,
      isPartial: root.tag !== dw.DW_TAG_compile_unit,
      lineProgram: attributes.get(dw.DW_AT_stmt_list)?.value ?? null,
      lowPc: attributes.get(dw.DW_AT_low_pc),
      highPc: attributes.get(dw.DW_AT_high_pc),
      ranges: attributes.get(dw.DW_AT_ranges),
      addressBase: base(dw.DW_AT_addr_base, headerSize),
      stringOffsetsBase: base(dw.DW_AT_str_offsets_base, headerSize),
      rangeListsBase: base(dw.DW_AT_rnglists_base, 0),
      locationListsBase: base(dw.DW_AT_loclists_base, 0),
    };
    const string = (attribute: number) => this.string({ ...root, unit }, attribute);
    return {
      ...unit,
      name: string(dw.DW_AT_name),
      producer: string(dw.DW_AT_producer),
      compilationDirectory: string(dw.DW_AT_comp_dir),
    };
  }

  /** Reads the DIE at an offset; undefined for the null entry that ends a list of children. */
  read(unit: DieUnit, offset: number): Die | undefined {
    const cursor = new Cursor(this.info, offset, unit.end, this.sections.littleEndian);
    const code = cursor.uleb();
    if (code === 0) return undefined;
    const { tag, hasChildren, attributes: forms } = unit.abbreviation(code);
    const attributes = new Map<number, FormValue>();
    for (const { name, form, constant } of forms) {
      const value = readForm(cursor, form, unit);
      if (value !== undefined)
        attributes.set(name, form === dw.DW_FORM_implicit_const ? { ...value, value: constant } : value);
    }
    return { unit, offset, tag, attributes, hasChildren, end: cursor.position };
  }

  /** The value of a string attribute; null if it is absent. @throws Failure if dwz has moved the string to another file */
  string({ unit, attributes }: Die, attribute: number): string | null {
    const value = attributes.get(attribute);
    if (value === undefined) return null;
    const { form } = value;
    if (form === dw.DW_FORM_GNU_strp_alt || form === dw.DW_FORM_strp_sup) throw this.#elsewhere("a name");
    return formString(this.sections, value, unit, unit.stringOffsetsBase);
  }

  #elsewhere(what: string): Failure {
    const advice = "give the debug information from before dwz";
    return new Failure("UNSUPPORTED", this.sections.path, `${what} is in another file (dwz -m)`, advice);
  }

  /**
   * The DIE that an attribute refers to, in the same or another unit.
   *
   * @returns undefined if there is none
   * @throws Failure for an invalid reference, or if dwz has moved the DIE to another file
   */
  reference(die: Die, attribute: number): Die | undefined {
    const value = die.attributes.get(attribute);
    if (value === undefined) return undefined;
    switch (value.form) {
      case dw.DW_FORM_ref1:
      case dw.DW_FORM_ref2:
      case dw.DW_FORM_ref4:
      case dw.DW_FORM_ref8:
      case dw.DW_FORM_ref_udata:
        return this.read(die.unit, die.unit.offset + value.high * 2 ** 32 + value.value);
      case dw.DW_FORM_ref_addr: {
        const unit =
          value.value >= die.unit.offset && value.value < die.unit.end ? die.unit : this.#unitOf(value.value);
        return unit === null ? undefined : this.read(unit, value.value);
      }
      case dw.DW_FORM_GNU_ref_alt:
      case dw.DW_FORM_ref_sup4:
      case dw.DW_FORM_ref_sup8:
        throw this.#elsewhere("a declaration");
      default:
        return undefined;
    }
  }

  /** The unit that contains an offset of .debug_info; null for a type unit. */
  #unitOf(offset: number): DieUnit | null {
    const offsets = this.#offsets ?? Float64Array.from(unitOffsets(this.sections));
    this.#offsets = offsets;
    const after = lowerBound(offsets.length, (i) => at(offsets, i) <= offset);
    const start = offsets[after - 1] ?? 0;
    let unit = this.#units.get(start);
    if (unit === undefined) {
      const header = readUnitHeader(this.sections, start);
      unit = hasAddresses(header) ? this.unit(header) : null;
      if (this.#units.size >= HELD_UNITS) this.#units.clear();
      this.#units.set(start, unit);
    }
    return unit;
  }

  /** The direct children of a DIE. */
  *children(parent: Die): Generator<Die> {
    if (!parent.hasChildren) return;
    for (let next = parent.end; ; ) {
      const child = this.read(parent.unit, next);
      if (child === undefined) return;
      yield child;
      next = this.#after(child);
    }
  }

  /** Offset of the DIE after another DIE and its children. */
  #after(die: Die): number {
    if (!die.hasChildren) return die.end;
    const sibling = die.attributes.get(dw.DW_AT_sibling);
    if (sibling !== undefined && sibling.form !== dw.DW_FORM_ref_addr) {
      const at = die.unit.offset + sibling.high * 2 ** 32 + sibling.value;
      // Ignore a sibling that leads backwards; skip the children one by one instead.
      if (at > die.offset) return at;
    }
    let at = die.end;
    for (let depth = 1; depth > 0; ) {
      const next = this.read(die.unit, at);
      if (next === undefined) {
        depth--;
        at++;
      } else {
        if (next.hasChildren) depth++;
        at = next.end;
      }
    }
    return at;
  }
}
