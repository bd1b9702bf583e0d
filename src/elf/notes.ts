import { NT_GNU_BUILD_ID, SHT_NOTE } from "../constants/elf.ts";
import type { ByteSource } from "./byte-source.ts";
import { Cursor } from "./cursor.ts";
import { type ElfFile, sectionBytes } from "./elf-file.ts";

/** The GNU build ID in a file's notes, as hexadecimal digits; null if there is none. */
export function buildId(elf: ElfFile): string | null {
  for (const section of elf.sections) {
    if (section.type !== SHT_NOTE) continue;
    const id = buildIdInNotes(sectionBytes(elf, section), elf.littleEndian);
    if (id !== null) return id;
  }
  return null;
}

/** The GNU build ID in the bytes of a note section or of /sys/kernel/notes, as hexadecimal digits; null if there is none. */
export function buildIdInNotes(bytes: ByteSource, littleEndian: boolean): string | null {
  const cursor = new Cursor(bytes, 0, bytes.size, littleEndian);
  while (cursor.position + 12 <= bytes.size) {
    const nameSize = cursor.u32();
    const size = cursor.u32();
    const type = cursor.u32();
    const name = cursor.position;
    const description = name + align4(nameSize);
    const next = description + align4(size);
    // The last note may lack its padding. If its description reaches past the end, it is not a note.
    if (description + size > bytes.size) break;
    if (type === NT_GNU_BUILD_ID && nameSize === 4 && Buffer.from(bytes.read(name, 4)).equals(GNU)) {
      return Buffer.from(bytes.read(description, size)).toString("hex");
    }
    if (next >= bytes.size) break;
    cursor.skip(next - name);
  }
  return null;
}

const GNU = Buffer.from("GNU\0");

function align4(size: number): number {
  return Math.ceil(size / 4) * 4;
}
