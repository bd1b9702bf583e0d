import * as dw from "../constants/dwarf.ts";
import type { Die, DieReader } from "./die.ts";
import { locationAt } from "./location-list.ts";
import type { Address } from "./unit-ranges.ts";

/** A function's parameters in the source, and what is left of them. */
export interface FormalParameters {
  /** How many the source has, a variable number of further ones left out. */
  readonly count: number;
  /** Those that still arrive, from 1, in the source's order; null where nothing tells. */
  readonly arriving: readonly number[] | null;
}

const MOST_ORIGINS = 16;

/** Compilers that drop parameters without renaming the function. */
const LLVM = /\b(clang|LLVM|rustc)\b/;

/**
 * Compares the formal parameters of a concrete function with those of its abstract origin (DWARF 5 section 3.3.8).
 *
 * Where the compiler has changed them, one arrives if it has a location at the function's entry that is a register or
 * memory, and no value known beforehand. GCC gives such functions another name; in others all arrive, even those that are
 * not used and have no location. LLVM marks them DW_CC_nocall, since version 17 and not in every pass: where it has not, what
 * has no location may not be there, or not be used.
 *
 * @param entry the function's first address
 * @param isRenamed whether the symbol there bears another name than the function
 */
export function readParameters(
  reader: DieReader,
  concrete: Die,
  entry: Address,
  isRenamed: boolean,
): FormalParameters {
  const own = parametersOf(reader, concrete);
  const origin = abstractOrigin(reader, concrete);
  const source = origin === concrete ? own : parametersOf(reader, origin);
  const isLlvm = LLVM.test(concrete.unit.producer ?? "");
  if (!isLlvm && !isRenamed) return { count: source.length, arriving: source.map((_, i) => i + 1) };
  const position = new Map(source.map(({ offset }, i) => [offset, i + 1]));
  const arriving = new Set<number>();
  for (const [i, parameter] of own.entries()) {
    const place = origin === concrete ? i + 1 : position.get(abstractOrigin(reader, parameter).offset);
    if (place !== undefined && arrives(reader, parameter, entry)) arriving.add(place);
  }
  const isUnclear = isLlvm && arriving.size < source.length && !isNoCall(concrete) && !isNoCall(origin);
  return { count: source.length, arriving: isUnclear ? null : [...arriving].sort((a, b) => a - b) };
}

function isNoCall({ attributes }: Die): boolean {
  return attributes.get(dw.DW_AT_calling_convention)?.value === dw.DW_CC_nocall;
}

function parametersOf(reader: DieReader, parent: Die): Die[] {
  return [...reader.children(parent)].filter(({ tag }) => tag === dw.DW_TAG_formal_parameter);
}

/** The last one of a DIE's abstract origins; the DIE itself if it has none. */
function abstractOrigin(reader: DieReader, die: Die): Die {
  let origin = die;
  for (let i = 0; i < MOST_ORIGINS; i++) {
    const next = reader.reference(origin, dw.DW_AT_abstract_origin);
    if (next === undefined) break;
    origin = next;
  }
  return origin;
}

function arrives(reader: DieReader, { unit, attributes }: Die, entry: Address): boolean {
  const location = attributes.get(dw.DW_AT_location);
  if (location === undefined) return false;
  const operations = locationAt(reader.sections, reader.info, unit, location, entry);
  return operations !== undefined && isPassed(operations);
}

/**
 * Whether a location at a function's entry is one that its caller has filled: a register, or memory that is found from one,
 * of any piece of the parameter; or what a register held at the entry. A value that is computed (DW_OP_stack_value), constant,
 * or known to the caller alone (DW_OP_GNU_parameter_ref) is none.
 */
function isPassed(operations: Uint8Array): boolean {
  const [first] = operations;
  if (first === undefined) return false;
  const last = operations[operations.length - 1];
  const within = (from: number, to: number) => first >= from && first <= to;
  if (within(dw.DW_OP_reg0, dw.DW_OP_reg31) || first === dw.DW_OP_regx) return true;
  if (first === dw.DW_OP_entry_value || first === dw.DW_OP_GNU_entry_value) {
    // A register by itself: behind its expression follows but that it is a value.
    const length = operations[1] ?? 0;
    return 2 + length + 1 === operations.length && last === dw.DW_OP_stack_value;
  }
  if (within(dw.DW_OP_breg0, dw.DW_OP_breg31) || first === dw.DW_OP_bregx || first === dw.DW_OP_fbreg) {
    return last !== dw.DW_OP_stack_value;
  }
  return first === dw.DW_OP_call_frame_cfa && last !== dw.DW_OP_stack_value;
}
