import {
  EM_MIPS,
  SHT_GROUP,
  SHT_LLVM_ADDRSIG,
  SHT_LLVM_CALL_GRAPH_PROFILE,
  SHT_REL,
  SHT_RELA,
} from "../constants/elf.ts";
import { damaged, Failure } from "../failure.ts";
import { Cursor } from "./cursor.ts";
import { type ElfFile, type Section, sectionBytes } from "./elf-file.ts";
import { PIECE_BYTES, type SectionChange } from "./section-replacement.ts";

/**
 * Updates the symbol indices in a section after symbols have moved.
 *
 * @param section a section of a relocatable file whose sh_link is `.symtab`
 * @param moved the new index of each old symbol
 * @returns undefined if the section does not change
 * @throws Failure for an unknown section type, which may hold symbol indices anywhere, and for an index that does not exist
 *   (for relocations: when the content is read)
 */
export function withMovedSymbols(
  elf: ElfFile,
  section: Section,
  moved: Uint32Array,
): SectionChange | undefined {
  const { type, size, info } = section;
  switch (type) {
    case SHT_REL:
      return { size, info, content: () => movedRelocations(elf, section, 2, moved) };
    case SHT_RELA:
      return { size, info, content: () => movedRelocations(elf, section, 3, moved) };
    case SHT_GROUP:
      return { size, info: movedSymbol(elf, section, moved, info), content: undefined };
    case SHT_LLVM_ADDRSIG: {
      const bytes = movedAddressSignificance(elf, section, moved);
      return { size: bytes.length, info, content: () => [bytes] };
    }
    case SHT_LLVM_CALL_GRAPH_PROFILE:
      return undefined; // Its symbols are those of its relocations.
    default:
      throw new Failure(
        "UNSUPPORTED",
        sectionBytes(elf, section).name,
        `refers to symbols in an unknown way (section type 0x${type.toString(16)})`,
        "remove it first with objcopy --remove-section",
      );
  }
}

/** The new index of a symbol that a section refers to. @throws Failure if the symbol does not exist */
export function movedSymbol(elf: ElfFile, section: Section, moved: Uint32Array, symbol: number): number {
  const index = moved[symbol];
  if (index !== undefined) return index;
  throw damaged(sectionBytes(elf, section).name, `refers to symbol ${symbol}, which does not exist`);
}

/** @param members number of members of an entry, each of the size of an address: r_offset, r_info and, in SHT_RELA, r_addend */
function* movedRelocations(
  elf: ElfFile,
  section: Section,
  members: 2 | 3,
  moved: Uint32Array,
): Generator<Uint8Array> {
  const { is64, littleEndian, machine } = elf;
  const source = sectionBytes(elf, section);
  const entrySize = members * (is64 ? 8 : 4);
  if (section.size % entrySize !== 0) {
    throw damaged(source.name, `${section.size} bytes are not a table of ${entrySize}-byte relocations`);
  }
  // Position of the word with the symbol in an entry (gABI, "Relocation"). In a 64-bit r_info it is the upper half; on MIPS64
  // it comes first in both byte orders. In a 32-bit r_info it is the upper 24 bits.
  const inFront = !littleEndian || machine === EM_MIPS;
  const symbolWord = is64 ? (inFront ? 8 : 12) : 4;
  const typeBits = is64 ? 0 : 8;
  const typeMask = 2 ** typeBits - 1;
  const lastSymbol = 2 ** (32 - typeBits) - 1;

  const pieceSize = Math.floor(PIECE_BYTES / entrySize) * entrySize;
  for (let at = 0; at < source.size; at += pieceSize) {
    const piece = new Uint8Array(Math.min(pieceSize, source.size - at));
    source.read(at, piece.length, piece);
    const view = new DataView(piece.buffer);
    for (let word = symbolWord; word < piece.length; word += entrySize) {
      const info = view.getUint32(word, littleEndian);
      const symbol = moved[info >>> typeBits] ?? movedSymbol(elf, section, moved, info >>> typeBits);
      if (symbol > lastSymbol) {
        throw new Failure(
          "UNSUPPORTED",
          source.name,
          `cannot hold the symbol index ${symbol}`,
          "alias fewer symbols",
        );
      }
      view.setUint32(word, (symbol << typeBits) | (info & typeMask), littleEndian);
    }
    yield piece;
  }
}

/** The new content of SHT_LLVM_ADDRSIG (LLVM, "Extensions"). Its indices are ULEB128 numbers, so the section may grow. */
function movedAddressSignificance(elf: ElfFile, section: Section, moved: Uint32Array): Uint8Array {
  const source = sectionBytes(elf, section);
  const cursor = new Cursor(source, 0, source.size, elf.littleEndian);
  const bytes: number[] = [];
  while (!cursor.atEnd) {
    let rest = movedSymbol(elf, section, moved, cursor.uleb());
    for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}
