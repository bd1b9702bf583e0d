/** Numbers as bytes, in one byte order. */
export function numberBytes(littleEndian: boolean) {
  const number = (size: number) => (value: number | bigint) => {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let i = 0; i < size; i++) {
      bytes.push(Number(rest & 0xffn));
      rest >>= 8n;
    }
    return littleEndian ? bytes : bytes.reverse();
  };
  return { u8: number(1), u16: number(2), u32: number(4), u64: number(8) };
}

export function text(string: string): number[] {
  return [...Buffer.from(string), 0];
}

/** A section of an ELF file to build; the section name table is added after the last one. */
export interface SectionPlan {
  readonly name: string;
  readonly bytes: Iterable<number>;
  /** SHT_PROGBITS by default. */
  readonly type?: number;
  readonly flags?: number;
  readonly address?: bigint;
  readonly link?: number;
  readonly info?: number;
  readonly entrySize?: number;
}

export interface ElfPlan {
  readonly is64: boolean;
  readonly littleEndian: boolean;
  /** ET_EXEC by default. */
  readonly type?: number;
  readonly machine: number;
  readonly sections: readonly SectionPlan[];
}

/** The bytes of an ELF file with these sections, numbered from 1. */
export function elfBytes({ is64, littleEndian, type = 2, machine, sections }: ElfPlan): Buffer {
  const { u16, u32, u64 } = numberBytes(littleEndian);
  const word = is64 ? u64 : u32;
  const headerSize = is64 ? 64 : 52;
  const names = [0];
  const planned = [...sections, { name: ".shstrtab", bytes: [], type: 3 }].map((section: SectionPlan) => {
    const nameOffset = names.length;
    names.push(...text(section.name));
    return { ...section, nameOffset };
  });
  let content: number[] = [];
  const headers = [...new Array<number>(is64 ? 64 : 40).fill(0)];
  for (const section of planned) {
    const bytes = section.name === ".shstrtab" ? names : [...section.bytes];
    const offset = headerSize + content.length;
    content = content.concat(bytes, new Array<number>((8 - (bytes.length % 8)) % 8).fill(0));
    headers.push(
      ...u32(section.nameOffset),
      ...u32(section.type ?? 1),
      ...word(section.flags ?? 0),
      ...word(section.address ?? 0n),
      ...word(offset),
      ...word(bytes.length),
      ...u32(section.link ?? 0),
      ...u32(section.info ?? 0),
      ...word(1),
      ...word(section.entrySize ?? 0),
    );
  }
  const header = [
    ...[0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, littleEndian ? 1 : 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...u16(type),
    ...u16(machine),
    ...u32(1),
    ...word(0),
    ...word(0),
    ...word(headerSize + content.length),
    ...u32(0),
    ...u16(headerSize),
    ...u16(0),
    ...u16(0),
    ...u16(is64 ? 64 : 40),
    ...u16(planned.length + 1),
    ...u16(planned.length),
  ];
  return Buffer.from(header.concat(content, headers));
}
