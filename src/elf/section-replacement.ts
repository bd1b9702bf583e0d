import { SHT_NOBITS, SHT_NULL } from "../constants/elf.ts";
import { damaged, Failure } from "../failure.ts";
import type { ByteSource } from "./byte-source.ts";
import type { ElfFile } from "./elf-file.ts";

/** The new properties of a section. */
export interface SectionChange {
  /** sh_size, in bytes. */
  readonly size: number;
  /** sh_info. */
  readonly info: number;
  /** Returns the new content of `size` bytes; undefined keeps the old content. */
  readonly content: (() => Iterable<Uint8Array>) | undefined;
}

/** Padding and signatures are shorter; a sparse file can have gaps that would fill a disk. In bytes. */
const LARGEST_GAP = 1 << 20;

/** Number of bytes copied at a time. */
export const PIECE_BYTES = 1 << 20;

/** Sizes of the headers and offsets of their members in bytes, by class (gABI, "ELF Header", "Sections"). */
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

/** The owner of a part of the file: the ELF header, the section headers, or the section with this index. */
type Owner = "ELF header" | "section headers" | number;

interface Part {
  readonly owner: Owner;
  /** Offset and size in the old file, in bytes; the size is 0 for a section without bytes in the file. */
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
 * The bytes of a file in which some sections have changed. If a section's size changes, the parts after it move and keep
 * their alignment. Everything else stays the same, including bytes between sections.
 *
 * @param changes changes by section index
 * @param end the offset in the old file at which to stop; at or after the end of all sections and of the section headers
 * @returns the bytes in pieces. Unchanged bytes are read on demand from the open file, at most 1 MiB at a time
 * @throws Failure for a file whose parts overlap, or with program headers: segments are not moved
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
      "give the .o or .ko that the compiler or linker wrote",
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

/** Assigns each part its offset in the new file. @returns the parts in file order */
function place(path: string, parts: readonly Part[], end: number): PlacedPart[] {
  let shift = 0;
  let covered = 0;
  const checkGap = (next: number) => {
    if (next - covered <= LARGEST_GAP) return;
    throw damaged(path, `${next - covered} bytes from offset ${covered} on belong to no section`);
  };
  const inOrder = parts.toSorted((a, b) => a.start - b.start || a.size - b.size);
  const placed = inOrder.map((part) => {
    const { owner, start, size, newSize, alignment } = part;
    if (size > 0) {
      if (start < covered || start + size > end) {
        const name = typeof owner === "number" ? `section ${owner}` : `the ${owner}`;
        throw damaged(path, `${name} and another part of the file overlap`);
      }
      checkGap(start);
      covered = start + size;
      // An aligned part stays aligned. Even for an absurdly large sh_addralign, the padding is at most `start`.
      if (start % alignment === 0) shift = Math.ceil(shift / alignment) * alignment;
    }
    const newStart = start + shift;
    shift += newSize - size;
    return { ...part, newStart };
  });
  checkGap(end);
  return placed;
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

/** The bytes [start, end) of a file, in pieces of at most 1 MiB. */
export function* fileBytes(file: ByteSource, start: number, end: number): Generator<Uint8Array> {
  for (let at = start; at < end; at += PIECE_BYTES) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
    yield file.read(at, piece.length, piece);
  }
}

/** A writable copy of some bytes of a file. */
function viewOf(file: ByteSource, start: number, size: number): DataView {
  return new DataView(file.read(start, size, new Uint8Array(size)).buffer);
}

/** Reads a header member of the size of an offset: 4 or 8 bytes. */
function getWord({ is64, littleEndian }: ElfFile, view: DataView, at: number): number {
  return is64 ? Number(view.getBigUint64(at, littleEndian)) : view.getUint32(at, littleEndian);
}

function setWord({ is64, littleEndian }: ElfFile, view: DataView, at: number, value: number): void {
  if (is64) view.setBigUint64(at, BigInt(value), littleEndian);
  else view.setUint32(at, value, littleEndian);
}
