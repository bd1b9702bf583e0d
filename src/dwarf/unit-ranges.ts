import * as dw from "../constants/dwarf.ts";
import { addressDistance } from "../elf/address.ts";
import type { DebugSections } from "./debug-sections.ts";
import { cursorAt, type FormValue } from "./forms.ts";
import type { Unit } from "./unit.ts";

export interface Address {
  readonly high: number;
  readonly low: number;
}

/** Receives a range of code: start address and length in bytes. */
export type TakeRange = (high: number, low: number, length: number) => void;

/** Reports the code ranges of a unit's root DIE (DWARF 5 section 2.17). */
export function forEachRange(sections: DebugSections, unit: Unit, take: TakeRange): void {
  if (unit.ranges !== undefined) {
    if (unit.version >= 5) readRangeList(sections, unit, unit.ranges, take);
    else readRanges(sections, unit, unit.rangeListsBase + unit.ranges.value, take);
    return;
  }
  if (unit.lowPc === undefined || unit.highPc === undefined) return;
  const low = address(sections, unit, unit.lowPc);
  // DW_AT_high_pc is an address or, since DWARF 4, a length.
  const isAddress = isAddressForm(unit.highPc.form);
  const high = isAddress ? address(sections, unit, unit.highPc) : undefined;
  takeRange(take, low, high === undefined ? unit.highPc.value : distance(high, low));
}

/** The first address of a function's DIE: that of its first range, or DW_AT_low_pc; undefined for a DIE without code. */
export function entryAddress(
  sections: DebugSections,
  unit: Unit,
  attributes: ReadonlyMap<number, FormValue>,
): Address | undefined {
  const ranges = attributes.get(dw.DW_AT_ranges);
  const lowPc = attributes.get(dw.DW_AT_low_pc);
  if (ranges === undefined) return lowPc && address(sections, unit, lowPc);
  let first: Address | undefined;
  forEachRange(sections, { ...unit, ranges }, (high, low) => {
    first ??= { high, low };
  });
  return first;
}

function takeRange(take: TakeRange, start: Address, length: number): void {
  if (length > 0) take(start.high, start.low, length);
}

function distance(end: Address, start: Address): number {
  return addressDistance(end.high, end.low, start.high, start.low);
}

function isAddressForm(form: number): boolean {
  return (
    form === dw.DW_FORM_addr ||
    form === dw.DW_FORM_addrx ||
    form === dw.DW_FORM_GNU_addr_index ||
    (form >= dw.DW_FORM_addrx1 && form <= dw.DW_FORM_addrx4)
  );
}

function address(sections: DebugSections, unit: Unit, { form, value, high }: FormValue): Address {
  return form === dw.DW_FORM_addr ? { high, low: value } : indexedAddress(sections, unit, value);
}

/** Reads an entry of .debug_addr (DWARF 5 section 7.27). */
export function indexedAddress(sections: DebugSections, unit: Unit, index: number): Address {
  const cursor = cursorAt(sections, sections.addr, unit.addressBase + index * unit.addressSize);
  const low = cursor.address(unit.addressSize);
  return { high: cursor.addressHigh, low };
}

export function add(base: Address, high: number, low: number): Address {
  const sum = base.low + low;
  const carry = sum > 0xffffffff ? 1 : 0;
  return { high: (base.high + high + carry) >>> 0, low: sum >>> 0 };
}

export function unitBase(sections: DebugSections, unit: Unit): Address {
  return unit.lowPc === undefined ? { high: 0, low: 0 } : address(sections, unit, unit.lowPc);
}

/** .debug_ranges: pairs of offsets from the base address (DWARF 4 section 2.17.3). */
function readRanges(sections: DebugSections, unit: Unit, offset: number, take: TakeRange): void {
  const cursor = cursorAt(sections, sections.ranges, offset);
  const size = unit.addressSize;
  const largest = size === 8 ? 0xffffffff : 0;
  let base = unitBase(sections, unit);
  for (;;) {
    const startLow = cursor.address(size);
    const startHigh = cursor.addressHigh;
    const endLow = cursor.address(size);
    const endHigh = cursor.addressHigh;
    if (startLow === 0 && startHigh === 0 && endLow === 0 && endHigh === 0) return;
    if (startLow === 0xffffffff && startHigh === largest) base = { high: endHigh, low: endLow };
    else
      takeRange(take, add(base, startHigh, startLow), addressDistance(endHigh, endLow, startHigh, startLow));
  }
}

/** .debug_rnglists (DWARF 5 section 7.25). */
function readRangeList(sections: DebugSections, unit: Unit, ranges: FormValue, take: TakeRange): void {
  let offset = ranges.value;
  if (ranges.form === dw.DW_FORM_rnglistx) {
    const entry = unit.rangeListsBase + offset * unit.offsetSize;
    offset = unit.rangeListsBase + cursorAt(sections, sections.rnglists, entry).offset(unit.offsetSize);
  }
  const cursor = cursorAt(sections, sections.rnglists, offset);
  const readAddress = (): Address => {
    const low = cursor.address(unit.addressSize);
    return { high: cursor.addressHigh, low };
  };
  const readIndexed = () => indexedAddress(sections, unit, cursor.uleb());
  const readOffset = (): [high: number, low: number] => {
    const value = cursor.uleb();
    return [Math.floor(value / 2 ** 32), value >>> 0];
  };
  let base = unitBase(sections, unit);
  for (;;) {
    const kind = cursor.u8();
    switch (kind) {
      case dw.DW_RLE_end_of_list:
        return;
      case dw.DW_RLE_base_addressx:
        base = readIndexed();
        break;
      case dw.DW_RLE_base_address:
        base = readAddress();
        break;
      case dw.DW_RLE_startx_endx: {
        const start = readIndexed();
        takeRange(take, start, distance(readIndexed(), start));
        break;
      }
      case dw.DW_RLE_startx_length: {
        const start = readIndexed();
        takeRange(take, start, cursor.uleb());
        break;
      }
      case dw.DW_RLE_offset_pair: {
        const start = add(base, ...readOffset());
        takeRange(take, start, distance(add(base, ...readOffset()), start));
        break;
      }
      case dw.DW_RLE_start_end: {
        const start = readAddress();
        takeRange(take, start, distance(readAddress(), start));
        break;
      }
      case dw.DW_RLE_start_length: {
        const start = readAddress();
        takeRange(take, start, cursor.uleb());
        break;
      }
      default:
        throw cursor.failure(`unknown range list entry ${kind}`);
    }
  }
}
