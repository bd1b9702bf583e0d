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
 * What becomes of a section that refers to symbols by index when the symbols move.
 *
 * @param section one whose sh_link is `.symtab`, in a relocatable file
 * @param moved the new index of each old symbol
 * @returns undefined for a section that stays as it is
 * @throws Failure for a type of section that may hold indices where nobody here knows, and, for relocations when their
 *   bytes are asked for, for the index of a symbol that is not there
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
        `refers to symbols in a way that is not known (section type 0x${type.toString(16)})`,
        "remove it first with objcopy --remove-section",
      );
  }
}

/** The new index of a symbol that a section refers to. @throws Failure when there is no such symbol */
export function movedSymbol(elf: ElfFile, section: Section, moved: Uint32Array, symbol: number): number {
  const index = moved[symbol];
  if (index !== undefined) return index;
  throw damaged(sectionBytes(elf, section).name, `refers to symbol ${symbol}, which is not there`);
}

/** @param members how many an entry has, each as wide as an address: r_offset, r_info and perhaps r_addend */
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
    throw damaged(source.name, `${section.size} bytes are no table of ${entrySize}-byte relocations`);
  }
  // Where the word with the symbol is in an entry (gABI, "Relocation"): in the upper half of a 64-bit r_info, except that
  // MIPS64 has it in front in both byte orders; in the upper 24 bits of a 32-bit one.
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
          `has no room for the index ${symbol}`,
          "alias fewer symbols",
        );
      }
      view.setUint32(word, (symbol << typeBits) | (info & typeMask), littleEndian);
    }
    yield piece;
  }
}

/** The indices of SHT_LLVM_ADDRSIG (LLVM, "Extensions"): ULEB128 numbers, so that the section may grow. */
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
