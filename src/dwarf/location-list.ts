import * as dw from "../constants/dwarf.ts";
import { compareAddresses } from "../elf/address.ts";
import type { ByteSource } from "../elf/byte-source.ts";
import type { DebugSections } from "./debug-sections.ts";
import type { DieUnit } from "./die.ts";
import { cursorAt, type FormValue } from "./forms.ts";
import { type Address, add, indexedAddress, unitBase } from "./unit-ranges.ts";

/**
 * The location description that is valid at an address (DWARF 5 section 2.6).
 *
 * @param info the content of .debug_info
 * @param value the value of DW_AT_location
 * @returns its operations; undefined if the list has none for the address
 * @throws Failure for a damaged list
 */
export function locationAt(
  sections: DebugSections,
  info: ByteSource,
  unit: DieUnit,
  value: FormValue,
  at: Address,
): Uint8Array | undefined {
  if (value.start !== undefined) return info.read(value.start, value.value).slice();
  if (unit.version >= 5 || unit.kind === dw.DW_UT_split_compile)
    return inLocationLists(sections, unit, value, at);
  return inLocations(sections, unit, value.value, at);
}

function isWithin(at: Address, start: Address, end: Address): boolean {
  return (
    compareAddresses(start.high, start.low, at.high, at.low) <= 0 &&
    compareAddresses(at.high, at.low, end.high, end.low) < 0
  );
}

/** .debug_loc: pairs of offsets from the base address, each with a description (DWARF 4 section 2.6.2). */
function inLocations(
  sections: DebugSections,
  unit: DieUnit,
  offset: number,
  at: Address,
): Uint8Array | undefined {
  const { loc } = sections;
  const cursor = cursorAt(sections, loc, offset);
  const size = unit.addressSize;
  const largest = size === 8 ? 0xffffffff : 0;
  const readAddress = (): Address => {
    const low = cursor.address(size);
    return { high: cursor.addressHigh, low };
  };
  let base = unitBase(sections, unit);
  for (;;) {
    const start = readAddress();
    const end = readAddress();
    if (start.low === 0 && start.high === 0 && end.low === 0 && end.high === 0) return undefined;
    if (start.low === 0xffffffff && start.high === largest) {
      base = end;
      continue;
    }
    const length = cursor.u16();
    if (isWithin(at, add(base, start.high, start.low), add(base, end.high, end.low))) {
      return loc.read(cursor.position, length).slice();
    }
    cursor.skip(length);
  }
}

/**
 * .debug_loclists (DWARF 5 sections 2.6.2 and 7.29), or .debug_loc.dwo before DWARF 5: the same entries, with offsets and lengths of
 * fixed size.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: each kind of entry is a case
function inLocationLists(
  sections: DebugSections,
  unit: DieUnit,
  value: FormValue,
  at: Address,
): Uint8Array | undefined {
  const isFixed = unit.version < 5;
  const lists = isFixed ? sections.loc : sections.loclists;
  let offset = value.value;
  if (value.form === dw.DW_FORM_loclistx) {
    const entry = unit.locationListsBase + offset * unit.offsetSize;
    offset = unit.locationListsBase + cursorAt(sections, lists, entry).offset(unit.offsetSize);
  }
  const cursor = cursorAt(sections, lists, offset);
  const readAddress = (): Address => {
    const low = cursor.address(unit.addressSize);
    return { high: cursor.addressHigh, low };
  };
  const readIndexed = () => indexedAddress(sections, unit, cursor.uleb());
  const readAfter = (start: Address) => {
    const value = isFixed ? cursor.u32() : cursor.uleb();
    return add(start, Math.floor(value / 2 ** 32), value >>> 0);
  };
  let base = unitBase(sections, unit);
  let otherwise: Uint8Array | undefined;
  for (;;) {
    const kind = cursor.u8();
    let start = base;
    let end = base;
    switch (kind) {
      case dw.DW_LLE_end_of_list:
        return otherwise;
      case dw.DW_LLE_base_addressx:
        base = readIndexed();
        continue;
      case dw.DW_LLE_base_address:
        base = readAddress();
        continue;
      case dw.DW_LLE_GNU_view_pair:
        cursor.skipLeb();
        cursor.skipLeb();
        continue;
      case dw.DW_LLE_startx_endx:
        start = readIndexed();
        end = readIndexed();
        break;
      case dw.DW_LLE_startx_length:
        start = readIndexed();
        end = readAfter(start);
        break;
      case dw.DW_LLE_offset_pair:
        start = readAfter(base);
        end = readAfter(base);
        break;
      case dw.DW_LLE_start_end:
        start = readAddress();
        end = readAddress();
        break;
      case dw.DW_LLE_start_length:
        start = readAddress();
        end = readAfter(start);
        break;
      case dw.DW_LLE_default_location:
        break;
      default:
        throw cursor.failure(`unknown location list entry ${kind}`);
    }
    const length = isFixed ? cursor.u16() : cursor.uleb();
    if (kind === dw.DW_LLE_default_location) otherwise = lists.read(cursor.position, length).slice();
    else if (isWithin(at, start, end)) return lists.read(cursor.position, length).slice();
    cursor.skip(length);
  }
}
