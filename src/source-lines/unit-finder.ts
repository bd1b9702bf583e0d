import { at } from "../checked-index.ts";
import type { DebugSections } from "../dwarf/debug-sections.ts";
import { joinPaths } from "../dwarf/file-table.ts";
import { ARTIFICIAL_UNIT, type NamedUnit, type Unit } from "../dwarf/unit.ts";
import { unitIndex } from "../dwarf/unit-index.ts";
import type { Queries } from "./resolver.ts";
import type { RecordedPath } from "./source-root.ts";

/**
 * Finds the unit of each address, by .debug_aranges and the units' own ranges; undefined for an
 * address outside all units, unless one begins within its size.
 */
export function unitFinder(sections: DebugSections): (queries: Queries) => (Unit | undefined)[] {
  const index = unitIndex(sections);
  return ({ count, addressHigh, addressLow, size }) =>
    Array.from({ length: count }, (_, i) => index.find(at(addressHigh, i), at(addressLow, i), at(size, i)));
}

/** rustc's addition to a source file in DW_AT_name: the codegen unit (build_compile_unit_di_node in rustc_codegen_llvm). */
const CODEGEN_UNIT = /(?<=\.rs)\/@\/[^/]*$/;
/** rustc's addition to a crate in the name of a codegen unit, which is also the STT_FILE name. */
const CODEGEN_HASH = /\.[0-9a-f]+-cgu\.[0-9]+$/;

/**
 * The unit's primary source file, without a hash that changes from build to build; undefined for a unit without DW_AT_name, and for one
 * of GCC's LTO.
 */
export function unitSource(unit: NamedUnit): RecordedPath | undefined {
  if (unit.name === null || unit.name === ARTIFICIAL_UNIT) return undefined;
  const { compilationDirectory } = unit;
  const source = unit.name.replace(CODEGEN_UNIT, "");
  return { path: joinPaths(compilationDirectory ?? "", source), compilationDirectory };
}

/** The source file, or Rust's crate, that an STT_FILE symbol names. */
export function fileSymbolSource(fileSymbol: string | null): string | null {
  return fileSymbol?.replace(CODEGEN_HASH, "") ?? null;
}
