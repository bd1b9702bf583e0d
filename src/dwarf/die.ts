import { lowerBound } from "../binary-search.ts";
import { at } from "../checked-index.ts";
import * as dw from "../constants/dwarf.ts";
import { formatAddress } from "../elf/address.ts";
import type { ByteSource } from "../elf/byte-source.ts";
import { Cursor } from "../elf/cursor.ts";
import { type Abbreviation, findCode, readAbbreviation } from "./abbreviations.ts";
import type { DebugSections } from "./debug-sections.ts";
import { type FormValue, formString, readForm } from "./forms.ts";
import { type SplitReference, type Unit, unitOffsets } from "./unit.ts";
import { hasAddresses, readUnitHeader, type UnitHeader } from "./unit-header.ts";

/** A unit whose DIEs can be read individually. */
export interface DieUnit extends Unit, UnitHeader {
  /** The reader of its file. */
  readonly reader: DieReader;
  /** The sections with its line program: those of the skeleton, for a split unit. */
  readonly lineSections: DebugSections;
  /** Whether it is a partial unit: DIEs that other units share (dwz or a language creates it), with no source file of its own. */
  readonly isPartial: boolean;
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

/** Reads DIEs of .debug_info by their offsets. A DIE of another file is read by the reader of its unit. */
export class DieReader {
  readonly sections: DebugSections;
  /** The content of .debug_info. */
  readonly info: ByteSource;
  readonly #skeleton: DieUnit | undefined;
  #supplementary: DieReader | undefined;
  #offsets: Float64Array | undefined;
  readonly #units = new Map<number, DieUnit | null>();

  /**
   * @param info alternative source for the content of .debug_info
   * @param skeleton the skeleton of the split unit in these sections
   */
  constructor(sections: DebugSections, info: ByteSource = sections.info, skeleton?: DieUnit) {
    this.sections = sections;
    this.info = info;
    this.#skeleton = skeleton;
  }

  /**
   * Reads a unit's root DIE.
   *
   * @param abbreviationAt returns the offset in .debug_abbrev of the abbreviation with a code; undefined if unknown
   * @throws Failure for a damaged root DIE
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
    const skeleton = this.#skeleton;
    const bare: DieUnit = {
      ...header,
      kind: skeleton === undefined ? header.kind : dw.DW_UT_split_compile,
      reader: this,
      lineSections: skeleton?.lineSections ?? sections,
      abbreviation,
      isPartial: true,
      name: null,
      compilationDirectory: null,
      lineProgram: null,
      lowPc: undefined,
      highPc: undefined,
      ranges: undefined,
      addressBase: 0,
      stringOffsetsBase: 0,
      rangeListsBase: 0,
      locationListsBase: 0,
      split: undefined,
    };
    const root = this.read(bare, header.root);
    if (root === undefined) return bare;
    const { attributes } = root;
    const unit = {
      ...bare,
      isPartial: root.tag !== dw.DW_TAG_compile_unit && root.tag !== dw.DW_TAG_skeleton_unit,
      lineProgram: skeleton?.lineProgram ?? attributes.get(dw.DW_AT_stmt_list)?.value ?? null,
      lowPc: attributes.get(dw.DW_AT_low_pc) ?? skeleton?.lowPc,
      highPc: attributes.get(dw.DW_AT_high_pc),
      ranges: attributes.get(dw.DW_AT_ranges),
      ...basesOf(header, attributes, skeleton),
    };
    const string = (attribute: number) => this.string({ ...root, unit }, attribute);
    return {
      ...unit,
      name: string(dw.DW_AT_name),
      compilationDirectory: string(dw.DW_AT_comp_dir) ?? skeleton?.compilationDirectory ?? null,
      split: skeleton === undefined ? splitReference(header, attributes, string) : undefined,
    };
  }

  /** The ID of a split unit: 16 hexadecimal digits; undefined for any other unit. */
  splitId(header: UnitHeader): string | undefined {
    const unit = this.unit(header);
    return header.splitId ?? idOf(this.read(unit, header.root)?.attributes);
  }

  /** Reads the DIE at an offset; undefined for the null entry that ends a list of children. */
  read(unit: DieUnit, offset: number): Die | undefined {
    const { info, sections } = unit.reader;
    const cursor = new Cursor(info, offset, unit.end, sections.littleEndian);
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

  /** The value of a string attribute; null if it is absent, or in a supplementary file that is missing. */
  string({ unit, attributes }: Die, attribute: number): string | null {
    const value = attributes.get(attribute);
    return value === undefined ? null : formString(unit.reader.sections, value, unit, unit.stringOffsetsBase);
  }

  /**
   * The DIE that an attribute refers to, in the same or another unit.
   *
   * @returns undefined if there is none, or if it is in a supplementary file that is missing
   * @throws Failure for an invalid reference
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
      case dw.DW_FORM_ref_addr:
        return value.value >= die.unit.offset && value.value < die.unit.end
          ? this.read(die.unit, value.value)
          : die.unit.reader.#dieAt(value.value);
      case dw.DW_FORM_GNU_ref_alt:
      case dw.DW_FORM_ref_sup4:
      case dw.DW_FORM_ref_sup8:
        return die.unit.reader.#supplementaryDie(value.high * 2 ** 32 + value.value);
      default:
        return undefined;
    }
  }

  /** The DIE at an offset of the file that dwz has moved shared DIEs to; undefined if that is missing. */
  #supplementaryDie(offset: number): Die | undefined {
    const sections = this.sections.supplementary();
    if (sections === undefined) return undefined;
    this.#supplementary ??= new DieReader(sections);
    return this.#supplementary.#dieAt(offset);
  }

  /** The DIE at an offset of .debug_info; undefined in a type unit. */
  #dieAt(offset: number): Die | undefined {
    const unit = this.#unitOf(offset);
    return unit === null ? undefined : this.read(unit, offset);
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

/** The bases of a unit's offsets and indices in other sections. */
function basesOf(
  { version, offsetSize }: UnitHeader,
  attributes: ReadonlyMap<number, FormValue>,
  skeleton: DieUnit | undefined,
) {
  const base = (attribute: number, otherwise: number) => attributes.get(attribute)?.value ?? otherwise;
  // Without the attribute, the only table begins after its header (DWARF 5 sections 7.26 to 7.29); tables before DWARF 5 have none.
  const header = (bytes: number) => (version < 5 ? 0 : (offsetSize === 8 ? 12 : 4) + bytes);
  return {
    addressBase: skeleton?.addressBase ?? base(dw.DW_AT_addr_base, base(dw.DW_AT_GNU_addr_base, header(4))),
    stringOffsetsBase: base(dw.DW_AT_str_offsets_base, header(4)),
    rangeListsBase: base(
      dw.DW_AT_rnglists_base,
      version < 5 ? (skeleton?.split?.rangesBase ?? 0) : header(8),
    ),
    locationListsBase: base(dw.DW_AT_loclists_base, header(8)),
  };
}

/** The reference to a split unit in the root DIE of its skeleton. */
function splitReference(
  { splitId }: UnitHeader,
  attributes: ReadonlyMap<number, FormValue>,
  string: (attribute: number) => string | null,
): SplitReference | undefined {
  const file = string(dw.DW_AT_dwo_name) ?? string(dw.DW_AT_GNU_dwo_name);
  const id = splitId ?? idOf(attributes);
  if (file === null || id === undefined) return undefined;
  return {
    file,
    id,
    rangesBase: attributes.get(dw.DW_AT_GNU_ranges_base)?.value ?? 0,
  };
}

/** DW_AT_GNU_dwo_id: 16 hexadecimal digits. */
function idOf(attributes: ReadonlyMap<number, FormValue> | undefined): string | undefined {
  const id = attributes?.get(dw.DW_AT_GNU_dwo_id);
  return id && formatAddress(id.high, id.value);
}
