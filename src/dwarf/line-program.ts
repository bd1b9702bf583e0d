import { damaged } from "../failure.ts";
import {
  FOUND_BY_NEXT_LINE,
  FOUND_NONE,
  WANTED_BYTES,
  WANTED_FILE,
  WANTED_FOUND,
  WANTED_LINE,
  WANTED_REACH,
} from "../wasm/layout.ts";
import type { DebugSections } from "./debug-sections.ts";
import { type FileTable, filePath, fileTable } from "./file-table.ts";
import type { LineProgram } from "./line-program-header.ts";
import { LineStateMachine } from "./line-state-machine.ts";

/**
 * The path of a file in a line program that has run, joined to its directory.
 *
 * @param compilationDirectory the unit's DW_AT_comp_dir, to which relative directories refer
 * @throws Failure for a file or directory that the program does not list
 */
export function linePath(
  sections: DebugSections,
  program: LineProgram,
  file: number,
  compilationDirectory: string | null,
): string {
  const plain = machine?.path(sections, program, file, compilationDirectory);
  if (plain !== undefined) return plain;
  program.fileTable ??= fileTable(sections, program, program.tables, program.start);
  const table = program.fileTable;
  const entry = table.file(file) ?? definedFile(program, table, file);
  if (entry === undefined) {
    const where = `the line program at 0x${program.offset.toString(16)}`;
    throw damaged(sections.line.name, `${where} has no file ${file}`);
  }
  return filePath(sections, program, table, entry, compilationDirectory);
}

/** A file defined by DW_LNE_define_file. The numbers of such files continue those of the table. */
function definedFile({ definedFiles }: LineProgram, table: FileTable, file: number) {
  if (definedFiles.length === 0) return undefined;
  let listed = 1;
  while (table.file(listed) !== undefined) listed++;
  return definedFiles[file - listed];
}

/** Addresses, in columns. */
export interface Addresses {
  readonly addressHigh: Uint32Array;
  readonly addressLow: Uint32Array;
  /** Number of bytes from the address on in which a later row is accepted; 0 for none. */
  readonly size: Float64Array;
}

// Offsets of the members of a wanted address (WANTED_…), in words.
const WORDS = WANTED_BYTES / 4;
const FILE = WANTED_FILE / 4;
const LINE = WANTED_LINE / 4;
const FOUND = WANTED_FOUND / 4;
const REACH = WANTED_REACH / 4;

let machine: LineStateMachine | undefined;

/**
 * Runs a line program (DWARF 5 section 6.2.5) and finds the row of each address: the last row of the sequence at or before
 * the address. If there is none, if it has line 0, or if it begins before the address, the first row with a line within `size`
 * bytes is preferred.
 *
 * @param asked indices of the addresses, in address order
 * @param take called for each address with a row: index of the address, file, line, and whether the row is after the address
 * @throws Failure for a truncated program
 */
export function findRows(
  sections: DebugSections,
  program: LineProgram,
  { addressHigh, addressLow, size }: Addresses,
  asked: readonly number[],
  take: (query: number, file: number, line: number, isNext: boolean) => void,
): void {
  machine ??= new LineStateMachine();
  machine.load(sections, program, asked.length);
  const { wanted } = machine;
  // The loops check indices inline: a shared function is several times slower, since it sees several array types.
  asked.forEach((query, i) => {
    const low = addressLow[query];
    const high = addressHigh[query];
    const bytes = size[query];
    if (low === undefined || high === undefined || bytes === undefined)
      throw new RangeError(`no address ${query}`);
    wanted[i * WORDS] = low;
    wanted[i * WORDS + 1] = high;
    wanted[i * WORDS + REACH] = bytes;
    wanted[i * WORDS + REACH + 1] = bytes / 2 ** 32;
  });
  machine.run(sections, program, false);
  // What is left of the reaches of the others is 0.
  const isLacking = asked.some(
    (_, i) => wanted[i * WORDS + REACH] !== 0 || wanted[i * WORDS + REACH + 1] !== 0,
  );
  if (isLacking) machine.run(sections, program, true);
  // Copy: `take` may run another program, which reuses the machine's memory.
  const found = wanted.slice();
  asked.forEach((query, i) => {
    const how = found[i * WORDS + FOUND];
    if (how === FOUND_NONE) return;
    const file = found[i * WORDS + FILE];
    const line = found[i * WORDS + LINE];
    if (file === undefined || line === undefined) throw new RangeError(`no row ${i}`);
    take(query, file, line, how === FOUND_BY_NEXT_LINE);
  });
}
