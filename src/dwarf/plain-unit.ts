import { at } from "../checked-index.ts";
import {
  PADDING,
  ROOT_ADDRESS_BASE,
  ROOT_ATTRIBUTE_BYTES,
  ROOT_ATTRIBUTES,
  ROOT_COMPILATION_DIRECTORY,
  ROOT_FORM,
  ROOT_HIGH_PC,
  ROOT_LINE_PROGRAM,
  ROOT_LOW_PC,
  ROOT_NAME,
  ROOT_RANGE_LISTS_BASE,
  ROOT_RANGES,
  ROOT_STRING_OFFSETS_BASE,
  ROOT_VALUE_HIGH,
  ROOT_VALUE_LOW,
} from "../wasm/layout.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";
import type { DebugSections } from "./debug-sections.ts";
import { type FormValue, formString } from "./forms.ts";
import type { Unit } from "./unit.ts";

/** Number of bytes read of a unit (more than the root DIE needs) and of its abbreviations (more than most tables of GCC have). */
const UNIT_BYTES = 256;
const TABLE_BYTES = 1 << 13;
const OFFSET_SIZE = 4;

let memory: WasmMemory | undefined;
let attributes = 0;
let unit = 0;
let table = 0;
let words: Uint32Array = new Uint32Array();
let bytes: Uint8Array = new Uint8Array();

function layOut(): WasmMemory {
  memory = wasmMemory();
  attributes = memory.room(ROOT_ATTRIBUTES * ROOT_ATTRIBUTE_BYTES);
  unit = memory.room(UNIT_BYTES + PADDING);
  table = memory.room(TABLE_BYTES + PADDING);
  words = new Uint32Array(memory.buffer(), attributes, (ROOT_ATTRIBUTES * ROOT_ATTRIBUTE_BYTES) / 4);
  bytes = new Uint8Array(memory.buffer());
  return memory;
}

/**
 * Reads a unit in the common form, which compilers use for nearly all units; several times faster than DieReader.
 *
 * @returns undefined for a unit in another form, which may still be valid
 */
export function readPlainUnit(sections: DebugSections, offset: number): Unit | undefined {
  const { info, abbrev, littleEndian } = sections;
  const { program } = memory ?? layOut();
  const unitBytes = Math.min(UNIT_BYTES, info.size - offset);
  if (unitBytes <= 0) return undefined;
  info.read(offset, unitBytes, bytes.subarray(unit));
  bytes.fill(0, unit + unitBytes, unit + unitBytes + PADDING);
  const abbreviations = program.readUnitHeader(unit, littleEndian);
  const end = offset + program.unitSize();
  const tableBytes = Math.min(TABLE_BYTES, abbrev.size - abbreviations);
  if (abbreviations < 0 || end > info.size || tableBytes <= 0) return undefined;
  abbrev.read(abbreviations, tableBytes, bytes.subarray(table));
  bytes.fill(0, table + tableBytes, table + tableBytes + PADDING);
  const abbreviation = program.findAbbreviation(table, table + tableBytes, program.rootCode());
  if (abbreviation < 0 || !program.readRoot(unit + unitBytes, table + abbreviation, attributes))
    return undefined;

  const word = (attribute: number, member: number) =>
    at(words, (attribute * ROOT_ATTRIBUTE_BYTES + member) / 4);
  const value = (attribute: number): FormValue | undefined => {
    const form = word(attribute, ROOT_FORM);
    if (form === 0) return undefined;
    return { form, value: word(attribute, ROOT_VALUE_LOW), high: word(attribute, ROOT_VALUE_HIGH) };
  };
  const number = <T>(attribute: number, otherwise: T) =>
    word(attribute, ROOT_FORM) === 0 ? otherwise : word(attribute, ROOT_VALUE_LOW);
  const encoding = {
    version: program.unitVersionNumber(),
    addressSize: program.unitAddressSize(),
    offsetSize: OFFSET_SIZE,
  };
  // Without the attribute, the only table begins after its header (DWARF 5 section 7.26).
  const stringOffsetsBase = number(ROOT_STRING_OFFSETS_BASE, OFFSET_SIZE * 2);
  const string = (attribute: number) => {
    const found = value(attribute);
    return found === undefined ? null : formString(sections, found, encoding, stringOffsetsBase);
  };
  return {
    version: encoding.version,
    addressSize: encoding.addressSize,
    offsetSize: OFFSET_SIZE,
    offset,
    end,
    name: string(ROOT_NAME),
    compilationDirectory: string(ROOT_COMPILATION_DIRECTORY),
    lineProgram: number(ROOT_LINE_PROGRAM, null),
    lowPc: value(ROOT_LOW_PC),
    highPc: value(ROOT_HIGH_PC),
    ranges: value(ROOT_RANGES),
    addressBase: number(ROOT_ADDRESS_BASE, OFFSET_SIZE * 2),
    rangeListsBase: number(ROOT_RANGE_LISTS_BASE, 0),
    split: undefined,
  };
}
