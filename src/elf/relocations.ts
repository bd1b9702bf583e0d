import { ET_REL, SHT_REL, SHT_RELA } from "../constants/elf.ts";
import { Failure } from "../failure.ts";
import type { ByteSource } from "./byte-source.ts";
import { type ElfFile, type Section, sectionBytes } from "./elf-file.ts";
import { machineName } from "./machine-name.ts";
import { changeField, LONGEST_FIELD } from "./relocation-field.ts";
import { RelocationTable } from "./relocation-table.ts";
import { ACTION, ADD, NOTHING, relocationOperations, SET } from "./relocation-types.ts";
import { SymbolAddresses } from "./symbol-addresses.ts";

/**
 * A section of a relocatable file, relocated for the given section addresses. Relocations are applied only to the bytes that
 * are read. For other files, the source is returned unchanged: relocations left by --emit-relocs are already applied.
 *
 * @param source the section's content, decompressed
 * @param bases the address of each section, from `layOutSections`
 * @throws Failure for unsupported or invalid relocations, in the call or when bytes are read
 */
export function relocatedSource(
  elf: ElfFile,
  section: Section,
  source: ByteSource,
  bases: Uint32Array,
): ByteSource {
  if (elf.type !== ET_REL) return source;
  const tables = elf.sections.filter(
    ({ type, info, size }) => (type === SHT_REL || type === SHT_RELA) && info === section.index && size > 0,
  );
  return tables.reduce((relocated, table) => withRelocations(elf, table, relocated, bases), source);
}

function withRelocations(elf: ElfFile, section: Section, source: ByteSource, bases: Uint32Array): ByteSource {
  const { name, size } = source;
  const table = new RelocationTable(elf, section, size);
  const symbols = new SymbolAddresses(elf, section, bases);
  const operations = operationsOf(elf);
  let scratch = new DataView(new ArrayBuffer(0));

  function apply(start: number, end: number): void {
    const { type } = table;
    const operation = operations[type] ?? 0;
    if (operation === NOTHING) return;
    if (operation === 0) {
      const { name } = sectionBytes(elf, section);
      throw new Failure(
        "UNSUPPORTED",
        name,
        `relocation type ${type} of ${machineName(elf.machine)} is not supported`,
        LINK_IT,
      );
    }
    symbols.seek(table.symbol);
    // The addend of SHT_REL is the field's value.
    const given = operation & ACTION;
    const action = given === SET && section.type === SHT_REL ? ADD : given;
    const low = symbols.low + table.addendLow;
    const high = symbols.high + table.addendHigh + (low >= 2 ** 32 ? 1 : 0);
    const at = table.offset - start;
    if (!changeField(scratch, at, end - start, elf.littleEndian, action, operation & ~ACTION, high, low)) {
      throw table.failure(`the relocation at 0x${table.offset.toString(16)} reaches past the section`);
    }
  }

  return {
    name,
    size,
    read(offset, length, into) {
      if (offset < 0 || length < 0 || offset + length > size) return source.read(offset, length, into);
      // A field may begin before the requested bytes or end after them.
      const start = Math.max(0, offset - LONGEST_FIELD);
      const end = Math.min(size, offset + length + LONGEST_FIELD);
      if (scratch.byteLength < end - start) scratch = new DataView(new ArrayBuffer(end - start));
      source.read(start, end - start, new Uint8Array(scratch.buffer));
      const [from, to] = table.between(start, offset + length);
      for (let i = from; i < to; i++) {
        table.seek(i);
        apply(start, end);
      }
      const wanted = new Uint8Array(scratch.buffer, offset - start, length);
      if (into === undefined) return wanted;
      into.set(wanted);
      return into;
    },
  };
}

const LINK_IT = "link it first";

function operationsOf({ machine, path }: ElfFile): Uint8Array {
  const operations = relocationOperations(machine);
  if (operations !== undefined) return operations;
  throw new Failure("UNSUPPORTED", path, `relocations of ${machineName(machine)} are not supported`, LINK_IT);
}
