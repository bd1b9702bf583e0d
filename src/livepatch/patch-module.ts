import { lowerBound } from "../binary-search.ts";
import { at } from "../checked-index.ts";
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_RELA_LIVEPATCH,
  SHN_LIVEPATCH,
  SHN_UNDEF,
  SHT_NOBITS,
  SHT_REL,
  SHT_RELA,
  STT_OBJECT,
} from "../constants/elf.ts";
import { Cursor } from "../elf/cursor.ts";
import { type ElfFile, type Section, sectionBytes } from "../elf/elf-file.ts";
import { isLivePatch, moduleKernel } from "../elf/modinfo.ts";
import {
  readSymbolTable,
  type SymbolTable,
  sectionIndexOf,
  symbolInfo,
  symbolNameOffset,
  symbolSection,
  symbolSize,
  symbolValueLow,
  tableString,
} from "../elf/symbol-table.ts";
import { Failure } from "../failure.ts";
import { addTo } from "../grouping.ts";
import { type Pointer, type Pointers, readPointers, relocationsOf } from "./data-pointers.ts";
import { type OldSymbol, VMLINUX } from "./old-symbol.ts";

/** Where a live patch names a symbol: a `struct klp_func`, a `.klp.sym.` symbol, or a KLP_SYMPOS that klp-convert reads. */
type ReferenceKind = "klp_func" | "klp.sym" | "KLP_SYMPOS";

export interface Reference extends OldSymbol {
  readonly kind: ReferenceKind;
}

/** What is wrong with a live patch: the part it is about, and the problem. */
export interface Fault {
  readonly subject: string;
  readonly problem: string;
}

/** What a live patch says of the kernel it is for. */
export interface LivePatch {
  readonly source: string;
  /** The release that it was built for, null when it does not say. */
  readonly kernel: string | null;
  readonly references: readonly Reference[];
  /** Names that the module loader is to resolve among exported symbols. */
  readonly undefinedNames: readonly string[];
  /** Faults that need no table to be seen. */
  readonly faults: readonly Fault[];
}

/**
 * Reads a live-patch module. @throws Failure for a file that is none
 * @example
 * const { references } = readLivePatch(await openPossiblyCompressed("patch.ko"));
 * for (const { object, name, position } of references) console.log(object, name, position);
 */
export function readLivePatch(elf: ElfFile): LivePatch {
  const table = readSymbolTable(elf);
  if (!isLivePatch(elf) || table === undefined) {
    throw new Failure(
      "WRONG_KIND",
      elf.path,
      "is no live patch: no livepatch in its .modinfo",
      "give a built live-patch module",
    );
  }
  const symbols = livePatchSymbols(elf, table);
  const pointers = readPointers(elf, table, isData);
  const functions = patchedFunctions(elf, table, pointers);
  const noFunctions =
    functions.length === 0 ? [{ subject: "klp_patch", problem: "names no function to be replaced" }] : [];
  return {
    source: elf.path,
    kernel: moduleKernel(elf),
    references: [...functions, ...symbols.references, ...symbolPositions(elf, pointers)],
    undefinedNames: undefinedNames(table),
    faults: [...noFunctions, ...symbols.faults, ...relocationFaults(elf, table)],
  };
}

function isData({ flags, type }: Section): boolean {
  return (flags & SHF_ALLOC) !== 0 && (flags & SHF_EXECINSTR) === 0 && type !== SHT_NOBITS;
}

const nameOf = (table: SymbolTable, symbol: number) => tableString(table, symbolNameOffset(table, symbol));

// `.klp.sym.<object>.<name>,<position>`, as klp_resolve_symbols of kernel/livepatch/core.c reads it
// (Documentation/livepatch/module-elf-format.rst).

const KLP_SYM = ".klp.sym.";
const KLP_SYM_FORM = /^\.klp\.sym\.([^.]{1,55})\.([^,]{1,511}),([0-9]{1,9})$/;

/** The symbol that a `.klp.sym.` name means, undefined for a name of another form. */
function parseKlpSym(name: string): OldSymbol | undefined {
  const [, object, own, position] = KLP_SYM_FORM.exec(name) ?? [];
  if (object === undefined || own === undefined) return undefined;
  return { object, name: own, position: Number(position) };
}

function livePatchSymbols(elf: ElfFile, table: SymbolTable): { references: Reference[]; faults: Fault[] } {
  const references: Reference[] = [];
  const faults: Fault[] = [];
  for (let symbol = 1; symbol < table.count; symbol++) {
    const name = nameOf(table, symbol);
    const isLivePatchSymbol = symbolSection(table, symbol) === SHN_LIVEPATCH;
    if (!name.startsWith(KLP_SYM)) {
      if (isLivePatchSymbol) {
        faults.push({
          subject: name,
          problem: "is marked SHN_LIVEPATCH, but its name does not begin with .klp.sym.",
        });
      }
      continue;
    }
    const meant = parseKlpSym(name);
    if (meant === undefined) {
      faults.push({ subject: name, problem: "is not of the form .klp.sym.<object>.<name>,<position>" });
      continue;
    }
    if (!isLivePatchSymbol) {
      faults.push({
        subject: name,
        problem: `is not marked SHN_LIVEPATCH; link ${elf.path} anew with klp-convert`,
      });
    }
    references.push({ kind: "klp.sym", ...meant });
  }
  return { references, faults };
}

function undefinedNames(table: SymbolTable): string[] {
  const names: string[] = [];
  for (let symbol = 1; symbol < table.count; symbol++) {
    if (symbolSection(table, symbol) !== SHN_UNDEF) continue;
    const name = nameOf(table, symbol);
    if (name !== "" && !name.startsWith(KLP_SYM)) names.push(name);
  }
  return names;
}

const KLP_RELA = /^\.klp\.rela\.([^.]{1,55})\../;

/** What the kernel refuses of sections `.klp.rela.<object>.<section>` (klp_resolve_symbols, klp_write_section_relocs). */
function relocationFaults(elf: ElfFile, table: SymbolTable): Fault[] {
  const faults: Fault[] = [];
  for (const section of elf.sections) {
    if (section.type !== SHT_REL && section.type !== SHT_RELA) continue;
    const isLivePatchSection = (section.flags & SHF_RELA_LIVEPATCH) !== 0;
    const fault = (problem: string) => faults.push({ subject: section.name, problem });
    if (!section.name.startsWith(".klp.rela.")) {
      if (isLivePatchSection)
        fault("is marked SHF_RELA_LIVEPATCH, but its name does not begin with .klp.rela.");
      continue;
    }
    const object = KLP_RELA.exec(section.name)?.[1];
    if (object === undefined) {
      fault("is not of the form .klp.rela.<object>.<section>");
      continue;
    }
    if (!isLivePatchSection)
      fault("is not marked SHF_RELA_LIVEPATCH, so that the module loader would apply it");
    const target = elf.sections[section.info];
    if (target === undefined || target.index === 0) {
      fault("applies to no section");
      continue;
    }
    const symbols = new Set(Array.from(relocationsOf(elf, section, target), ({ symbol }) => symbol));
    for (const symbol of symbols) {
      if (symbol >= table.count) continue;
      const name = nameOf(table, symbol);
      if (symbolSection(table, symbol) !== SHN_LIVEPATCH) {
        if (!name.startsWith(KLP_SYM))
          fault(`refers to ${name || `symbol ${symbol}`}, which is not marked SHN_LIVEPATCH`);
      } else if (object !== VMLINUX && parseKlpSym(name)?.object === VMLINUX) {
        fault(`refers to ${name}: a module's section may not have symbols of vmlinux`);
      }
    }
  }
  return faults;
}

// The tables of struct klp_patch, klp_object and klp_func (include/linux/livepatch.h) as the compiler has laid them out. Their
// sizes depend on the kernel; but what is set in them are pointers, which have relocations: of a klp_patch the first two
// (the module, its objects), of a klp_object the first two (name, functions; callbacks follow), of a klp_func the first two
// (old_name, new_func), behind which old_sympos stands.

const THIS_MODULE = "__this_module";

/** The functions in the tables that a klp_patch of the module leads to. */
function patchedFunctions(elf: ElfFile, table: SymbolTable, pointers: Pointers): Reference[] {
  const word = elf.is64 ? 8 : 4;
  const pointerAt = (section: Section, at: number) => pointers.get(section)?.get(at);
  const isFunction = (section: Section, at: number) =>
    isString(pointerAt(section, at)) && isCode(pointerAt(section, at + word));
  const objectsLeft = pointersOnce(elf, table, pointers);
  const functionsLeft = pointersOnce(elf, table, pointers);
  const references: Reference[] = [];

  const addFunctions = (object: string, { section, offset }: Pointer) => {
    if (section === undefined) return;
    for (const at of functionsLeft(section, offset)) {
      if (!isFunction(section, at)) continue;
      const bytes = sectionBytes(elf, section);
      const position = new Cursor(bytes, at + 2 * word, bytes.size, elf.littleEndian).offset(word);
      references.push({ kind: "klp_func", object, name: stringAt(elf, pointerAt(section, at)), position });
    }
  };
  const addObjects = ({ section, offset }: Pointer) => {
    if (section === undefined) return;
    for (const at of objectsLeft(section, offset)) {
      const functions = pointerAt(section, at);
      if (functions?.section === undefined || !isFunction(functions.section, functions.offset)) continue;
      const name = at - word < offset ? undefined : pointerAt(section, at - word);
      addFunctions(isString(name) ? stringAt(elf, name) : VMLINUX, functions);
    }
  };

  for (const [section, those] of pointers) {
    for (const { at, symbol } of those.values()) {
      const objects = pointerAt(section, at + word);
      if (symbol === THIS_MODULE && objects !== undefined) addObjects(objects);
    }
  }
  return references;
}

/**
 * A function that gives the pointers of the variable that stands at an offset of a section, from there on, in ascending
 * order, and none twice.
 */
function pointersOnce(elf: ElfFile, table: SymbolTable, pointers: Pointers) {
  const variables = new Map<Section | undefined, { start: number; end: number }[]>();
  for (let symbol = 1; symbol < table.count; symbol++) {
    if ((symbolInfo(table, symbol) & 0xf) !== STT_OBJECT) continue;
    const section = elf.sections[sectionIndexOf(table, symbol)];
    const start = symbolValueLow(table, symbol);
    addTo(variables, section, { start, end: start + symbolSize(table, symbol) });
  }
  const sorted = new Map(
    Array.from(pointers, ([section, those]) => [section, [...those.keys()].sort((a, b) => a - b)]),
  );
  const given = new Map<Section, Set<number>>();
  return function* (section: Section, offset: number): Generator<number> {
    const offsets = sorted.get(section);
    if (offsets === undefined) return;
    const seen = given.get(section) ?? new Set();
    given.set(section, seen);
    const variable = variables.get(section)?.find(({ start, end }) => start <= offset && offset < end);
    const end = variable?.end ?? section.size;
    for (let i = lowerBound(offsets.length, (each) => at(offsets, each) < offset); i < offsets.length; i++) {
      const pointer = at(offsets, i);
      if (pointer >= end || seen.has(pointer)) return;
      seen.add(pointer);
      yield pointer;
    }
  };
}

function isString(pointer: Pointer | undefined): pointer is Pointer & { section: Section } {
  return pointer?.section !== undefined && isData(pointer.section);
}

function isCode(pointer: Pointer | undefined): boolean {
  return ((pointer?.section?.flags ?? 0) & SHF_EXECINSTR) !== 0;
}

function stringAt(elf: ElfFile, pointer: Pointer | undefined): string {
  if (pointer?.section === undefined) return "";
  const bytes = sectionBytes(elf, pointer.section);
  return new Cursor(bytes, pointer.offset, bytes.size, elf.littleEndian).string();
}

const MODULE_RELOCS = ".klp.module_relocs.";

/**
 * The positions that klp-convert is told with KLP_MODULE_RELOC and KLP_SYMPOS: in sections `.klp.module_relocs.<object>`, which it
 * removes, structures of a pointer and a 32-bit position.
 */
function symbolPositions(elf: ElfFile, pointers: Pointers): Reference[] {
  const word = elf.is64 ? 8 : 4;
  return [...pointers].flatMap(([section, those]) => {
    if (!section.name.startsWith(MODULE_RELOCS)) return [];
    const object = section.name.slice(MODULE_RELOCS.length);
    const bytes = sectionBytes(elf, section);
    return Array.from(those.values(), ({ at, symbol: name }): Reference => {
      const position = new Cursor(bytes, at + word, bytes.size, elf.littleEndian).u32();
      return { kind: "KLP_SYMPOS", object, name, position };
    });
  });
}
