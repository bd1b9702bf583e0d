// Where the parts of an ELF file are, and what to write there.
import { SHT_NOBITS } from "../../src/constants/elf.ts";
import { openElf, type Section } from "../../src/elf/elf-file.ts";
import type { Mutate } from "./mutate-bytes.ts";
import type { Random } from "./random.ts";

/** Where the parts of an intact ELF file are. */
export interface ElfLayout {
  readonly is64: boolean;
  readonly littleEndian: boolean;
  /** Offset of the section headers in the file, and the size of one. */
  readonly headers: number;
  readonly headerSize: number;
  /** Sections with content in the file. */
  readonly sections: readonly Section[];
}

export function elfLayout(path: string, bytes: Buffer): ElfLayout {
  const elf = openElf(path);
  elf.file.close();
  const { is64, littleEndian } = elf;
  const word = is64 ? 8 : 4;
  const headers = Number(readNumber(bytes, is64 ? 0x28 : 0x20, word, littleEndian));
  const sections = elf.sections.filter(({ type, size }) => type !== SHT_NOBITS && size > 0);
  return { is64, littleEndian, headers, headerSize: is64 ? 64 : 40, sections };
}

/** Reads an unsigned number of up to 8 bytes; 0 past the end. */
export function readNumber(bytes: Buffer, start: number, size: number, littleEndian: boolean): bigint {
  if (start + size > bytes.length) return 0n;
  const digits = Buffer.from(bytes.subarray(start, start + size));
  return BigInt(`0x${(littleEndian ? digits.reverse() : digits).toString("hex")}`);
}

/** Writes the lower bits of a number; nothing past the end. */
export function writeNumber(
  bytes: Buffer,
  start: number,
  size: number,
  littleEndian: boolean,
  value: bigint,
): void {
  if (start + size > bytes.length) return;
  const digits = Buffer.from(
    BigInt.asUintN(8 * size, value)
      .toString(16)
      .padStart(2 * size, "0"),
    "hex",
  );
  (littleEndian ? digits.reverse() : digits).copy(bytes, start);
}

/** Bounds of the types that numbers are read as, and of the special values of the format. */
const BOUNDARIES = [
  0n,
  1n,
  2n,
  7n,
  8n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xff00n,
  0xff20n,
  0xfff1n,
  0xfff2n,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xfffffff0n,
  0xffffffffn,
  0x100000000n,
  (1n << 53n) - 1n,
  1n << 53n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** A value that a field of an ELF file may not expect. */
export function unexpectedNumber(
  old: bigint,
  bytes: Buffer,
  { sections }: ElfLayout,
  random: Random,
): bigint {
  const section = random.pick(sections);
  return random.pick([
    random.pick(BOUNDARIES),
    old + BigInt(random.pick([-1, 1, -8, 8])),
    old ^ (1n << BigInt(random.below(64))),
    BigInt(bytes.length + random.below(5) - 2),
    BigInt(random.pick([section.index, section.offset, section.size, section.type, section.flags])),
    BigInt(random.below(1 << 16)),
    old * BigInt(random.below(9)),
  ]);
}

/** Does a change to the bytes of one section. */
export function inSection(sections: readonly Section[], ...changes: readonly Mutate[]): Mutate {
  return (bytes, random, other) => {
    const { offset, size } = random.pick(sections);
    const content = bytes.subarray(offset, offset + size);
    if (content.length > 0) random.pick(changes)(content, random, other);
    return bytes;
  };
}
