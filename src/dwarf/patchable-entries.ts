import { DW_AT_producer } from "../constants/dwarf.ts";
import { EM_386, EM_AARCH64, EM_X86_64 } from "../constants/elf.ts";
import { Failure } from "../failure.ts";
import type { DebugSections } from "./debug-sections.ts";
import { DieReader } from "./die.ts";
import type { Unit } from "./unit.ts";
import { readUnitHeader } from "./unit-header.ts";

/** The machines for which GCC writes the NOPs after the label of DW_AT_low_pc (TARGET_ASM_PRINT_PATCHABLE_FUNCTION_ENTRY). */
const WITHIN_FUNCTIONS = new Set([EM_386, EM_X86_64, EM_AARCH64]);

/**
 * Returns a function that decides whether NOPs may come between the symbols of a unit's functions and their code, DW_AT_low_pc. For most
 * machines GCC writes those of `-fpatchable-function-entry=N,M` there (gcc/varasm.cc, assemble_start_function): N, less the M before the
 * symbol. DW_AT_producer has the option.
 */
export function patchableEntries(sections: DebugSections, machine: number): (unit: Unit) => boolean {
  if (WITHIN_FUNCTIONS.has(machine)) return () => false;
  const reader = new DieReader(sections);
  const known = new Map<number, boolean>();
  return ({ offset }) => {
    let patchable = known.get(offset);
    if (patchable === undefined) {
      patchable = hasNopsAfterSymbols(producerOf(reader, offset));
      known.set(offset, patchable);
    }
    return patchable;
  };
}

function hasNopsAfterSymbols(producer: string): boolean {
  // The last of several options counts.
  const options = [...producer.matchAll(/-fpatchable-function-entry=(\d+)(?:,(\d+))?/g)];
  const [, all = "0", before = "0"] = options.at(-1) ?? [];
  return Number(all) > Number(before);
}

/** Empty if it is unknown, as in a skeleton. */
function producerOf(reader: DieReader, offset: number): string {
  try {
    const header = readUnitHeader(reader.sections, offset);
    const root = reader.read(reader.unit(header), header.root);
    return (root && reader.string(root, DW_AT_producer)) ?? "";
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return "";
  }
}
