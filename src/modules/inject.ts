import { ET_REL, SHT_NOBITS, SHT_NULL, SHT_SYMTAB, SHT_SYMTAB_SHNDX } from "../constants/elf.ts";
import { type ElfFile, type Section, sectionBytes } from "../elf/elf-file.ts";
import { hasModuleSignature, moduleSignatureStart } from "../elf/module-signature.ts";
import { fileBytes, replaceSections, type SectionChange } from "../elf/section-replacement.ts";
import { movedSymbol, withMovedSymbols } from "../elf/symbol-indices.ts";
import { readSymbolTable, type SymbolTable, symbolNameOffset, tableString } from "../elf/symbol-table.ts";
import { addSymbolCopies, differInNameOnly, type SymbolCopy } from "../elf/symbol-table-writer.ts";
import { damaged, Failure } from "../failure.ts";

/**
 * Inserts aliases into the symbol table of a relocatable object, a .o or .ko. Each alias directly follows its original, or
 * the aliases that the original already has, and differs from it only in the name. All references to symbol indices are
 * adjusted; the rest of the object stays unchanged.
 *
 * @param aliases by index of the original in `.symtab`
 * @param options dropSignature: whether to drop the signature of a module, which is no longer valid
 * @returns the bytes of the new object, unchanged if it already has all the aliases. They are read from the open file on
 *   demand, so faults in relocations are reported only then.
 * @throws Failure for an object that is not relocatable, is signed or damaged, or may refer to symbols in unknown ways
 * @example
 * const { injections } = await aliasModules({ modules: modulesBelow("modules"), vmlinux: openElf("vmlinux") });
 * const found = injections.find(({ module }) => module.name === "beta");
 * const elf = openElf("modules/drivers/beta/beta.ko");
 * await writeFiles([{ target: "beta.aliased.ko", pieces: injectAliases(elf, found.aliases) }]);
 */
export function injectAliases(
  elf: ElfFile,
  aliases: ReadonlyMap<number, string>,
  { dropSignature = false }: { readonly dropSignature?: boolean } = {},
): Iterable<Uint8Array> {
  const { path, file } = elf;
  if (aliases.size === 0) return fileBytes(file, 0, file.size);
  if (elf.type !== ET_REL)
    throw new Failure("WRONG_KIND", path, "is not a relocatable object", "give .ko or .o files");
  const symtab = elf.sections.find(({ type }) => type === SHT_SYMTAB);
  const table = readSymbolTable(elf);
  if (!symtab || !table)
    throw new Failure("NO_SYMBOLS", path, "has no symbol table", "give the unstripped file");
  const copies = missingAliases(table, aliases);
  if (copies.length === 0) return fileBytes(file, 0, file.size);
  let end = file.size;
  if (hasModuleSignature(elf)) {
    if (!dropSignature)
      throw new Failure("WRONG_KIND", path, "is signed", "inject before signing, or give --drop-signature");
    end = moduleSignatureStart(elf);
  }
  return replaceSections(elf, changedSections(elf, symtab, table, copies), end);
}

/** The aliases that the table lacks, and their positions, in their final order. */
function missingAliases(table: SymbolTable, aliases: ReadonlyMap<number, string>): SymbolCopy[] {
  const nameOf = (symbol: number) => tableString(table, symbolNameOffset(table, symbol));
  const copies: SymbolCopy[] = [];
  // The names of the symbols after an original that differ from it only in the name.
  let names = new Set<string>();
  let end = 0;
  for (const [original, name] of [...aliases].sort(([a], [b]) => a - b)) {
    if (original >= end) {
      names = new Set();
      for (end = original + 1; end < table.count && differInNameOnly(table, original, end); end++) {
        names.add(nameOf(end));
      }
    }
    if (names.has(name)) continue;
    const beginning = aliasBeginning(nameOf(original), name);
    let before = original + 1;
    while (before < end && nameOf(before).startsWith(beginning)) before++;
    copies.push({ original, before, name });
  }
  return copies.sort((a, b) => a.before - b.before);
}

/** The common prefix of a symbol's aliases, stem and separator: the separator is the first difference from the name. */
function aliasBeginning(name: string, alias: string): string {
  let length = 0;
  while (length < name.length && name[length] === alias[length]) length++;
  return alias.slice(0, length + 1);
}

function changedSections(
  elf: ElfFile,
  symtab: Section,
  table: SymbolTable,
  copies: readonly SymbolCopy[],
): Map<number, SectionChange> {
  const { symbols, names, extendedIndices, moved } = addSymbolCopies(table, copies);
  const changes = new Map<number, SectionChange>();
  for (const section of elf.sections) {
    const { index, type, info } = section;
    if (section === symtab) {
      changes.set(index, replaced(movedSymbol(elf, symtab, moved, info), symbols));
    } else if (index === symtab.link) {
      changes.set(index, replaced(info, table.strings, names));
    } else if (section.link === symtab.index && type !== SHT_NULL && type !== SHT_NOBITS) {
      const change =
        type === SHT_SYMTAB_SHNDX
          ? replaced(info, extendedIndices ?? noExtendedIndices(elf, section))
          : withMovedSymbols(elf, section, moved);
      if (change !== undefined) changes.set(index, change);
    }
  }
  return changes;
}

function replaced(info: number, ...content: Uint8Array[]): SectionChange {
  return { size: content.reduce((sum, { length }) => sum + length, 0), info, content: () => content };
}

function noExtendedIndices(elf: ElfFile, section: Section): never {
  throw damaged(sectionBytes(elf, section).name, "does not have an entry for each symbol");
}
