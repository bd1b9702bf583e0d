import * as dw from "../constants/dwarf.ts";
import { Cursor } from "../elf/cursor.ts";
import { damaged } from "../failure.ts";
import type { DebugSections } from "./debug-sections.ts";
import { type Encoding, type FormValue, formString, readForm } from "./forms.ts";

/** A directory or file in a line program's tables. */
interface Entry {
  readonly name: FormValue;
  /** For a file: the index of its directory. */
  readonly directory: number;
}

/** The directories and files of a line program, read on demand. */
export interface FileTable {
  /** Indices begin at 0 since DWARF 5, at 1 before. */
  file(index: number): Entry | undefined;
  directory(index: number): FormValue | undefined;
}

/**
 * Reads the tables at the end of a line program's header.
 *
 * @param start offset of the tables in .debug_line
 * @param end end of the header in .debug_line
 * @throws Failure for tables that reach past the header, in this call or in a later look-up
 */
export function fileTable(
  sections: DebugSections,
  encoding: Encoding,
  start: number,
  end: number,
): FileTable {
  const cursor = new Cursor(sections.line, start, end, sections.littleEndian);
  return encoding.version >= 5 ? describedTables(cursor, encoding, end) : plainTables(cursor);
}

/** DWARF 2 to 4: each table ends with an empty string; entries are numbered from 1. */
function plainTables(cursor: Cursor): FileTable {
  const directories = [textValue("")];
  for (let name = cursor.string(); name !== ""; name = cursor.string()) directories.push(textValue(name));
  const files: (Entry | undefined)[] = [undefined];
  for (let name = cursor.string(); name !== ""; name = cursor.string()) files.push(plainEntry(cursor, name));
  return { file: (index) => files[index], directory: (index) => directories[index] };
}

/** Reads the rest of a DWARF 2 to 4 file entry after its name, in the table or in DW_LNE_define_file. */
export function plainEntry(cursor: Cursor, name: string): Entry {
  const directory = cursor.uleb();
  cursor.skipLeb(); // time of last modification
  cursor.skipLeb(); // length in bytes
  return { name: textValue(name), directory };
}

function textValue(text: string): FormValue {
  return { form: dw.DW_FORM_string, value: 0, high: 0, text };
}

/** DWARF 5: each table describes the format of its entries (section 6.2.4.1). */
function describedTables(cursor: Cursor, encoding: Encoding, end: number): FileTable {
  const directories = entryReader(cursor, encoding, end);
  cursor.moveTo(directories.end());
  const files = entryReader(cursor, encoding, end);
  return { file: files.entry, directory: (index) => directories.entry(index)?.name };
}

function entryReader(
  cursor: Cursor,
  encoding: Encoding,
  end: number,
): { entry(index: number): Entry | undefined; end(): number } {
  const format: { content: number; form: number }[] = [];
  for (let formats = cursor.u8(); formats > 0; formats--)
    format.push({ content: cursor.uleb(), form: cursor.uleb() });
  const count = cursor.uleb();
  const first = cursor.position;
  const left = end - first;
  // Reject counts that cannot be true: each entry takes at least one byte.
  if (count > left) throw cursor.failure(`${count} file names do not fit in ${left} bytes`);
  const isFixed = format.every(({ form }) => isOffset(form));
  const fixedBytes = format.length * encoding.offsetSize;
  /** Offsets of the entries skipped so far, and of the next one. */
  const starts = [first];
  const startOf = (index: number) => {
    if (isFixed) return first + index * fixedBytes;
    const known = starts[index];
    if (known !== undefined) return known;
    let start = starts.at(-1) ?? first;
    cursor.moveTo(start);
    while (starts.length <= index) {
      for (const { form } of format) skipForm(cursor, form, encoding);
      start = cursor.position;
      starts.push(start);
    }
    return start;
  };
  return {
    entry(index) {
      if (index >= count) return undefined;
      cursor.moveTo(startOf(index));
      let name = textValue("");
      let directory = 0;
      for (const { content, form } of format) {
        const value = readForm(cursor, form, encoding);
        if (value === undefined) throw cursor.failure("a number is too large");
        if (content === dw.DW_LNCT_path) name = value;
        else if (content === dw.DW_LNCT_directory_index) directory = value.value;
      }
      return { name, directory };
    },
    end: () => startOf(count),
  };
}

/** Whether a form's values are offsets. */
function isOffset(form: number): boolean {
  return form === dw.DW_FORM_line_strp || form === dw.DW_FORM_strp;
}

/** Skips a value; fast for the forms that producers use. */
function skipForm(cursor: Cursor, form: number, encoding: Encoding): void {
  if (isOffset(form)) cursor.skip(encoding.offsetSize);
  else if (form === dw.DW_FORM_udata) cursor.skipLeb();
  else readForm(cursor, form, encoding);
}

/** Joins a path to the directory that it is relative to. */
export function joinPaths(directory: string, path: string): string {
  if (directory === "" || path.startsWith("/")) return path;
  return directory.endsWith("/") ? directory + path : `${directory}/${path}`;
}

/**
 * The path of a file, joined to its directory.
 *
 * @param compilationDirectory the unit's DW_AT_comp_dir; used as directory 0 for DWARF 2 to 4
 * @throws Failure for a directory that the tables do not list
 */
export function filePath(
  sections: DebugSections,
  encoding: Encoding,
  table: FileTable,
  entry: Entry,
  compilationDirectory: string | null,
): string {
  const string = (value: FormValue) => formString(sections, value, encoding, encoding.offsetSize * 2) ?? "";
  const directory = table.directory(entry.directory);
  const first = encoding.version >= 5 ? table.directory(0) : undefined;
  if (directory === undefined || (encoding.version >= 5 && first === undefined)) {
    throw damaged(sections.line.name, `a file is in directory ${entry.directory}, which does not exist`);
  }
  const inner = entry.directory === 0 ? undefined : string(directory);
  const name = string(entry.name);
  if (first === undefined) return joinPaths(compilationDirectory ?? "", joinPaths(inner ?? "", name));
  return pathInTables(string(first), inner, name, compilationDirectory ?? "");
}

/**
 * The path of a file in the tables of DWARF 5, whose first directory is the compilation directory (section 6.2.4). GNU as 2.35 to 2.37
 * wrote another one there, relative to the compilation directory as the others are.
 *
 * @param directory undefined for a file in the first directory
 */
export function pathInTables(
  first: string,
  directory: string | undefined,
  name: string,
  compilationDirectory: string,
): string {
  if (first.startsWith("/") || first === compilationDirectory)
    return joinPaths(first, joinPaths(directory ?? "", name));
  return joinPaths(compilationDirectory, joinPaths(directory ?? first, name));
}
