import { posix } from "node:path";
import { Failure } from "../failure.ts";
import type { DebugSections } from "./debug-sections.ts";
import { DieReader } from "./die.ts";
import { filePath, fileTable } from "./file-table.ts";
import { readLineProgram } from "./line-program-header.ts";
import type { SplitUnits } from "./split-units.ts";
import type { SplitReference, Unit } from "./unit.ts";

const SOURCE_ASSUMED = "its source is assumed to be the C file of the same name";

/**
 * A unit with the name of its primary source file, which is read when it is first used. The name of a skeleton is in its split unit.
 * Without that, it is file 0 of the line program (DWARF 5 section 6.2.4.1), or before DWARF 5 the file with the name of the split file.
 */
export function withPrimarySource(sections: DebugSections, splitUnits: SplitUnits, unit: Unit): Unit {
  if (unit.name !== null) return unit;
  let name: string | null | undefined;
  return {
    ...unit,
    get name() {
      if (name === undefined) name = primarySource(sections, splitUnits, unit);
      return name;
    },
  };
}

function primarySource(sections: DebugSections, splitUnits: SplitUnits, unit: Unit): string | null {
  const { split, compilationDirectory } = unit;
  const found = split && nameInSplitUnit(splitUnits, compilationDirectory, split);
  const name = found?.name ?? nameInLineProgram(sections, unit);
  if (name !== null || split === undefined) return name;
  sections.missing.add(split.file, found?.problem ?? split.file, SOURCE_ASSUMED);
  return split.file.replace(/\.[^./]*$/, ".c");
}

/** The name of a split unit, or why it cannot be read. */
function nameInSplitUnit(
  splitUnits: SplitUnits,
  compilationDirectory: string | null,
  split: SplitReference,
): { readonly name?: string | null; readonly problem?: string } {
  const opened = splitUnits.open(compilationDirectory, split);
  if (typeof opened === "string") return { problem: opened };
  try {
    return { name: new DieReader(opened.sections).unit(opened.header).name };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { problem: error.fact };
  } finally {
    opened.close();
  }
}

/** @returns a path relative to the compilation directory, or an absolute one */
function nameInLineProgram(sections: DebugSections, unit: Unit): string | null {
  const { lineProgram, addressSize, split } = unit;
  if (lineProgram === null) return null;
  const program = readLineProgram(sections, lineProgram, addressSize);
  const table = fileTable(sections, program, program.tables, program.start);
  const directory = unit.compilationDirectory ?? "";
  const pathOf = (index: number) => {
    const entry = table.file(index);
    return entry && filePath(sections, program, table, entry, directory);
  };
  const relative = (path: string) =>
    directory !== "" && path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
  if (program.version >= 5) {
    const primary = pathOf(0);
    return primary === undefined ? null : relative(primary);
  }
  const wanted = split && posix.parse(split.file).name;
  for (let index = 1; wanted !== undefined; index++) {
    const path = pathOf(index);
    if (path === undefined) break;
    const { name, ext } = posix.parse(path);
    if (name === wanted && ext !== ".h") return relative(path);
  }
  return null;
}
