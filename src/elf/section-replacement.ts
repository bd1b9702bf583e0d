import { SHT_NOBITS, SHT_NULL } from "../constants/elf.ts";
import { damaged, Failure } from "../failure.ts";
import type { ByteSource } from "./byte-source.ts";
import type { ElfFile } from "./elf-file.ts";

/** What becomes of a section. */
export interface SectionChange {
  /** sh_size, in bytes. */
  readonly size: number;
  /** sh_info. */
  readonly info: number;
  /** Gives the new content, `size` bytes of it; undefined where the old one stays. */
  readonly content: (() => Iterable<Uint8Array>) | undefined;
}

/** What is copied at a time. */
export const PIECE_BYTES = 1 << 20;

/** By class, the sizes of the headers and the offsets of their members, in bytes (gABI, "ELF Header", "Sections"). */
const HEADERS = {
  32: {
    ehdr: 52,
    e_shoff: 32,
    e_phnum: 44,
    shdr: 40,
    sh_offset: 16,
    sh_size: 20,
    sh_info: 28,
    sh_addralign: 32,
  },
  64: {
    ehdr: 64,
    e_shoff: 40,
    e_phnum: 56,
    shdr: 64,
    sh_offset: 24,
    sh_size: 32,
    sh_info: 44,
    sh_addralign: 48,
  },
};

/** What has a place in the file: the ELF header, the section headers, or the section of this index. */
type Owner = "ELF header" | "section headers" | number;

interface Part {
  readonly owner: Owner;
  /** Offset and size in the old file; a section without bytes in the file has size 0. */
  readonly start: number;
  readonly size: number;
  readonly newSize: number;
  readonly alignment: number;
  readonly content: SectionChange["content"];
}

interface PlacedPart extends Part {
  /** Offset in the new file. */
  readonly newStart: number;
}

/**
 * The bytes of a file in which some sections have changed. What stands behind a section of another size moves and keeps its
 * alignment; everything else, bytes between sections included, stays where and what it is.
 *
 * @param changes by section index
 * @param end the offset in the old file at which to end, not in front of the end of a section or of the section headers
 * @returns pieces of 1 MiB at most where nothing has changed, read from the open file as they are asked for
 * @throws Failure for a file whose parts overlap, or with program headers: segments do not move along
 */
export function replaceSections(
  elf: ElfFile,
  changes: ReadonlyMap<number, SectionChange>,
  end: number,
): Iterable<Uint8Array> {
  const { path, is64, littleEndian, sections, file } = elf;
  const layout = HEADERS[is64 ? 64 : 32];
  const header = viewOf(file, 0, layout.ehdr);
  if (header.getUint16(layout.e_phnum, littleEndian) !== 0) {
    throw new Failure(
      "WRONG_KIND",
      path,
      "has program headers",
      "give a .o or .ko as the compiler or the linker wrote it",
    );
  }
  const tableStart = getWord(elf, header, layout.e_shoff);
  const table = viewOf(file, tableStart, sections.length * layout.shdr);

  const parts: Part[] = sections.map(({ index, type, offset, size }) => {
    const bytes = type === SHT_NOBITS || type === SHT_NULL ? 0 : size;
    const alignment = getWord(elf, table, index * layout.shdr + layout.sh_addralign);
    const { size: newSize, content } = changes.get(index) ?? { size: bytes, content: undefined };
    return { owner: index, start: offset, size: bytes, newSize, alignment, content };
  });
  parts.push(headerPart("ELF header", 0, header, 1));
  parts.push(headerPart("section headers", tableStart, table, is64 ? 8 : 4));
  const placed = place(path, parts, end);

  for (const { owner, newStart } of placed) {
    if (owner === "section headers") setWord(elf, header, layout.e_shoff, newStart);
    if (typeof owner === "number") setWord(elf, table, owner * layout.shdr + layout.sh_offset, newStart);
  }
  for (const [index, { size, info }] of changes) {
    setWord(elf, table, index * layout.shdr + layout.sh_size, size);
    table.setUint32(index * layout.shdr + layout.sh_info, info, littleEndian);
  }
  return written(file, placed, end);
}

function headerPart(owner: Owner, start: number, view: DataView, alignment: number): Part {
  const size = view.byteLength;
  const content = () => [new Uint8Array(view.buffer)];
  return { owner, start, size, newSize: size, alignment, content };
}

/** Gives each part its place in the new file, in the order in which they stand there. */
function place(path: string, parts: readonly Part[], end: number): PlacedPart[] {
  let shift = 0;
  let covered = 0;
  const inOrder = parts.toSorted((a, b) => a.start - b.start || a.size - b.size);
  return inOrder.map((part) => {
    const { owner, start, size, newSize, alignment } = part;
    if (size > 0) {
      if (start < covered || start + size > end) {
        const name = typeof owner === "number" ? `section ${owner}` : `the ${owner}`;
        throw damaged(path, `${name} and something else share bytes of the file`);
      }
      covered = start + size;
      // So a part that was aligned stays so; and no more than `start` is wasted, however large a lie the alignment is.
      if (start % alignment === 0) shift = Math.ceil(shift / alignment) * alignment;
    }
    const newStart = start + shift;
    shift += newSize - size;
    return { ...part, newStart };
  });
}

function* written(file: ByteSource, placed: readonly PlacedPart[], end: number): Generator<Uint8Array> {
  let done = 0;
  let shift = 0;
  for (const { start, size, newStart, newSize, content } of placed) {
    const padding = newStart - start - shift;
    if (padding > 0) {
      yield* fileBytes(file, done, start);
      yield new Uint8Array(padding);
      done = start;
    }
    if (content !== undefined) {
      yield* fileBytes(file, done, start);
      yield* content();
      done = start + size;
    }
    shift += padding + newSize - size;
  }
  yield* fileBytes(file, done, end);
}

/** The bytes [start, end) of a file, in pieces of 1 MiB at most. */
export function* fileBytes(file: ByteSource, start: number, end: number): Generator<Uint8Array> {
  for (let at = start; at < end; at += PIECE_BYTES) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
    yield file.read(at, piece.length, piece);
  }
}

/** Some bytes of a file, to be changed. */
function viewOf(file: ByteSource, start: number, size: number): DataView {
  return new DataView(file.read(start, size, new Uint8Array(size)).buffer);
}

/** A member as wide as an offset. */
function getWord({ is64, littleEndian }: ElfFile, view: DataView, at: number): number {
  return is64 ? Number(view.getBigUint64(at, littleEndian)) : view.getUint32(at, littleEndian);
}

function setWord({ is64, littleEndian }: ElfFile, view: DataView, at: number, value: number): void {
  if (is64) view.setBigUint64(at, BigInt(value), littleEndian);
  else view.setUint32(at, value, littleEndian);
}
