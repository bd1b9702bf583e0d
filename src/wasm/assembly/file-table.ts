// The directory and file tables of a DWARF 5 line program (section 6.2.4.1), in the common form that compilers nearly always write:
// 32-bit DWARF, with names in another section.

import {
  DW_FORM_data16,
  DW_FORM_line_strp,
  DW_FORM_strp,
  DW_FORM_udata,
  DW_LNCT_directory_index,
  DW_LNCT_path,
} from "../../constants/dwarf.ts";
import {
  FILE_DIRECTORY,
  FILE_FIRST_DIRECTORY,
  FILE_NAME,
  FILE_NOT_FOUND,
  NAME_BYTES,
  NAME_OFFSET,
} from "../layout.ts";
import { next, readUleb } from "./leb128.ts";

let littleEndian = true;

function isOffset(form: u64): bool {
  return form === DW_FORM_line_strp || form === DW_FORM_strp;
}

function storeName(to: usize, form: u64, at: usize): void {
  const offset = load<u32>(at);
  store<u32>(to, <u32>form);
  store<u32>(to, littleEndian ? offset : bswap<u32>(offset), NAME_OFFSET);
}

/**
 * Finds a file.
 *
 * @param tables start of the tables, in a line program followed by PADDING zeros
 * @param names receives the names of the file, its directory and the first directory
 * @returns the index of the directory, or FILE_NOT_FOUND
 */
export function findFile(tables: usize, end: usize, isLittleEndian: bool, index: u32, names: usize): i32 {
  littleEndian = isLittleEndian;
  if (load<u8>(tables) !== 1) return FILE_NOT_FOUND;
  const path = readUleb(tables + 1);
  const directoryForm = readUleb(next);
  if (path !== DW_LNCT_path || !isOffset(directoryForm)) return FILE_NOT_FOUND;
  const directoryCount = readUleb(next);
  const directories = next;
  if (directories > end || directoryCount === 0 || directoryCount > <u64>((end - directories) >> 2))
    return FILE_NOT_FOUND;

  const formats = directories + ((<usize>directoryCount) << 2) + 1;
  const formatCount = load<u8>(formats - 1);
  let at = formats;
  for (let i: u32 = 0; i < formatCount; i++) {
    readUleb(at);
    const form = readUleb(next);
    if (!isOffset(form) && form !== DW_FORM_udata && form !== DW_FORM_data16) return FILE_NOT_FOUND;
    at = next;
    if (at > end) return FILE_NOT_FOUND;
  }
  const fileCount = readUleb(at);
  at = next;
  if (fileCount <= <u64>index || at > end || fileCount > <u64>(end - at)) return FILE_NOT_FOUND;
  let directory: u64 = 0;
  let hasName = false;
  for (let file: u32 = 0; file <= index; file++) {
    let format = formats;
    for (let i: u32 = 0; i < formatCount; i++) {
      const content = readUleb(format);
      const form = readUleb(next);
      format = next;
      if (form === DW_FORM_udata) {
        const value = readUleb(at);
        if (content === DW_LNCT_directory_index) directory = value;
        at = next;
      } else if (form === DW_FORM_data16) at += 16;
      else {
        if (content === DW_LNCT_path && file === index) {
          storeName(names + FILE_NAME * NAME_BYTES, form, at);
          hasName = true;
        }
        at += 4;
      }
      if (at > end) return FILE_NOT_FOUND;
    }
  }
  if (!hasName || directory >= directoryCount) return FILE_NOT_FOUND;
  storeName(names + FILE_DIRECTORY * NAME_BYTES, directoryForm, directories + ((<usize>directory) << 2));
  storeName(names + FILE_FIRST_DIRECTORY * NAME_BYTES, directoryForm, directories);
  return <i32>directory;
}
