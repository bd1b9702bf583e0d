import * as dw from "../constants/dwarf.ts";
import type { Die, DieReader, DieUnit } from "./die.ts";
import { locationAt } from "./location-list.ts";
import { type Address, entryAddress } from "./unit-ranges.ts";

/** A function's source parameters, and those that remain after optimisation. */
export interface FormalParameters {
  /** Number of parameters in the source, without a variable argument list. */
  readonly count: number;
  /** Numbers of the parameters that are still passed, from 1, in source order; null if unknown. */
  readonly arriving: readonly number[] | null;
}

const MOST_ORIGINS = 16;

/** Producers that drop parameters without renaming the function. */
const LLVM = /\b(clang|LLVM|rustc)\b/;

/**
 * Compares the formal parameters of a concrete function with those of its abstract origin (DWARF 5 section 3.3.8).
 *
 * If the compiler changed the parameters, one counts as passed if its location at the function's entry is a register or
 * memory, not a known value. GCC renames such functions; in all other functions, every parameter is passed, even an unused
 * one without a location. LLVM marks such functions DW_CC_nocall, since version 17 and not in every pass. Without that mark,
 * a parameter without a location may be removed or just unused.
 *
 * @param isRenamed whether the symbol at the entry has a different name than the function
 * @returns undefined for a function whose parameters the debug information does not describe: in assembly, or with -g1
 */
export function readParameters(
  reader: DieReader,
  concrete: Die,
  isRenamed: boolean,
): FormalParameters | undefined {
  const own = parametersOf(reader, concrete);
  const origin = abstractOrigin(reader, concrete);
  const source = origin === concrete ? own : parametersOf(reader, origin);
  if (source.length === 0 && !isPrototype(reader, origin) && !describesTypes(reader, origin.unit))
    return undefined;
  const isLlvm = isFromLlvm(reader, concrete.unit);
  if (!isLlvm && !isRenamed) return { count: source.length, arriving: source.map((_, i) => i + 1) };
  const entry = entryAddress(concrete.unit.reader.sections, concrete.unit, concrete.attributes);
  const position = new Map(source.map(({ offset }, i) => [offset, i + 1]));
  const arriving = new Set<number>();
  for (const [i, parameter] of own.entries()) {
    const place = origin === concrete ? i + 1 : position.get(abstractOrigin(reader, parameter).offset);
    if (place !== undefined && entry !== undefined && arrives(parameter, entry)) arriving.add(place);
  }
  const isUnclear = isLlvm && arriving.size < source.length && !isNoCall(concrete) && !isNoCall(origin);
  return { count: source.length, arriving: isUnclear ? null : [...arriving].sort((a, b) => a - b) };
}

const unitsFromLlvm = new WeakMap<DieUnit, boolean>();

function isFromLlvm(reader: DieReader, unit: DieUnit): boolean {
  let found = unitsFromLlvm.get(unit);
  if (found === undefined) {
    const root = reader.read(unit, unit.root);
    found = root !== undefined && LLVM.test(reader.string(root, dw.DW_AT_producer) ?? "");
    unitsFromLlvm.set(unit, found);
  }
  return found;
}

/** Whether the DIE of a function has more than its name: a return type, or the flag of a prototype in C. */
function isPrototype(reader: DieReader, die: Die): boolean {
  if (die.attributes.has(dw.DW_AT_prototyped)) return true;
  // GNU as gives every function a type that it does not know.
  const hasType = die.attributes.has(dw.DW_AT_type);
  return hasType && reader.reference(die, dw.DW_AT_type)?.tag !== dw.DW_TAG_unspecified_type;
}

/** Tags of DIEs that a unit has only if it describes types, and so parameters; another unit may have the types (dwz). */
const TYPES: ReadonlySet<number> = new Set([
  dw.DW_TAG_base_type,
  dw.DW_TAG_imported_unit,
  dw.DW_TAG_pointer_type,
  dw.DW_TAG_structure_type,
  dw.DW_TAG_typedef,
]);

const unitsWithTypes = new WeakMap<DieUnit, boolean>();

function describesTypes(reader: DieReader, unit: DieUnit): boolean {
  let found = unitsWithTypes.get(unit);
  if (found === undefined) {
    const root = reader.read(unit, unit.root);
    found = root !== undefined && hasChildOf(reader, root, TYPES);
    unitsWithTypes.set(unit, found);
  }
  return found;
}

function hasChildOf(reader: DieReader, parent: Die, tags: ReadonlySet<number>): boolean {
  for (const { tag } of reader.children(parent)) if (tags.has(tag)) return true;
  return false;
}

function isNoCall({ attributes }: Die): boolean {
  return attributes.get(dw.DW_AT_calling_convention)?.value === dw.DW_CC_nocall;
}

function parametersOf(reader: DieReader, parent: Die): Die[] {
  return [...reader.children(parent)].filter(({ tag }) => tag === dw.DW_TAG_formal_parameter);
}

/** The end of a DIE's chain of abstract origins; the DIE itself if it has none. */
function abstractOrigin(reader: DieReader, die: Die): Die {
  let origin = die;
  for (let i = 0; i < MOST_ORIGINS; i++) {
    const next = reader.reference(origin, dw.DW_AT_abstract_origin);
    if (next === undefined) break;
    origin = next;
  }
  return origin;
}

function arrives({ unit, attributes }: Die, entry: Address): boolean {
  const location = attributes.get(dw.DW_AT_location);
  if (location === undefined) return false;
  const operations = locationAt(unit.reader.sections, unit.reader.info, unit, location, entry);
  return operations !== undefined && isPassed(operations);
}

/**
 * Whether the caller sets the location at a function's entry. True for a register or memory addressed by a register, for any
 * piece of the parameter, and for the value of a register at the entry. False for a value that is computed
 * (DW_OP_stack_value), constant, or known only to the caller (DW_OP_GNU_parameter_ref).
 */
function isPassed(operations: Uint8Array): boolean {
  const [first] = operations;
  if (first === undefined) return false;
  const last = operations[operations.length - 1];
  const within = (from: number, to: number) => first >= from && first <= to;
  if (within(dw.DW_OP_reg0, dw.DW_OP_reg31) || first === dw.DW_OP_regx) return true;
  if (first === dw.DW_OP_entry_value || first === dw.DW_OP_GNU_entry_value) {
    // A plain register: only DW_OP_stack_value follows its expression.
    const length = operations[1] ?? 0;
    return 2 + length + 1 === operations.length && last === dw.DW_OP_stack_value;
  }
  if (within(dw.DW_OP_breg0, dw.DW_OP_breg31) || first === dw.DW_OP_bregx || first === dw.DW_OP_fbreg) {
    return last !== dw.DW_OP_stack_value;
  }
  return first === dw.DW_OP_call_frame_cfa && last !== dw.DW_OP_stack_value;
}
