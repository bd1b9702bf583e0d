import { ET_REL } from "../constants/elf.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { moduleKernel } from "../elf/modinfo.ts";
import { readSymbolTable } from "../elf/symbol-table.ts";
import { Failure } from "../failure.ts";
import type { ModuleFile } from "../modules/module-files.ts";
import type { Locator } from "../source-lines/open-locator.ts";
import { sourceRoots } from "../source-lines/source-root.ts";
import { lookUpNames } from "../symbols/kallsyms-names.ts";
import { architecture, unlistedImage } from "../symbols/kernel-image.ts";
import type { Listing } from "../symbols/listing.ts";
import { hasLlvmSuffix, type KallsymsNames } from "../symbols/name-anatomy.ts";
import { TABLE_SCHEMA, type TableHeader, type TableRow } from "../table/alias-table.ts";
import { VERSION } from "../version.ts";
import { wasmMemory } from "../wasm/program.ts";
import {
  kallsymsNamesOf,
  type LocatedVmlinux,
  locateVmlinux,
  placesOf,
  type Timer,
  tableOptions,
  tableRows,
  type VmlinuxInput,
  type VmlinuxOptions,
} from "./alias-vmlinux.ts";
import { countedReader, findExistingAliases, stemReader } from "./candidates.ts";
import { type ModuleOptions, type ModuleSymbols, moduleListing, moduleSymbols } from "./module-symbols.ts";
import { type Aliases, giveAliases, type NamedSymbol, namesWithSeparator } from "./name-symbols.ts";
import type { Place } from "./naming.ts";
import type { AliasOptions } from "./select.ts";
import { isInTable, type TableScope } from "./table-scope.ts";

/** What a run over modules works on. */
export interface ModulesInput {
  readonly modules: readonly ModuleFile[];
  /** The image that the modules are loaded into; or the object it is linked from, vmlinux.o, whose names count too. */
  readonly vmlinux: (Pick<VmlinuxInput, "openLocator"> & { readonly image: ElfFile }) | undefined;
  /** How many symbols of a kernel that was built elsewhere bear each name; the modules are not among them. */
  readonly frequency: ReadonlyMap<string, number> | undefined;
  readonly openFile: (path: string) => Promise<ElfFile>;
  /** Opens what locates addresses in a module. */
  readonly openLocator: (elf: ElfFile) => Promise<Locator>;
}

export interface ModulesOptions extends VmlinuxOptions, Omit<ModuleOptions, "kallsymsNames"> {
  /** Whether a name counts in vmlinux and all modules together, or in each object by itself. */
  readonly scope: "global" | "object";
  /** Whether a module's aliases name it. */
  readonly modulePrefix: boolean;
}

/** What a run over modules gives. */
export interface ModulesResult {
  readonly header: TableHeader;
  rows(): Iterable<TableRow>;
  /** How many symbols of vmlinux and all modules bear each name, as look-ups compare it. */
  readonly frequency: ReadonlyMap<string, number>;
  /** The aliases of each module, by index in its symbol table. */
  readonly injections: readonly {
    readonly module: ModuleFile;
    readonly aliases: ReadonlyMap<number, string>;
  }[];
  readonly counts: Aliases["counts"] & {
    readonly symbols: number;
    readonly duplicatedNames: number;
    readonly excluded: Record<string, number>;
  };
}

/** Told how a run goes on. */
export interface ModulesProgress {
  step(done: number, total: number): void;
  /** Told of a module that cannot be done, which is left out. @throws the failure, to end the run */
  failed(failure: Failure): void;
}

/**
 * Aliases the duplicated names of modules, and those of the vmlinux they belong to.
 *
 * All names are counted first, then the symbols that bear a duplicated one are located, module by module, and named at the
 * end. One module is open at a time.
 */
export async function aliasModules(
  input: ModulesInput,
  asked: ModulesOptions,
  progress: ModulesProgress,
  time: Timer,
): Promise<ModulesResult> {
  const memory = wasmMemory();
  const isGlobal = asked.scope === "global";
  const isUndecided = asked.kallsymsNames === undefined && input.vmlinux === undefined;
  const total = (isUndecided ? 3 : 2) * input.modules.length;
  let done = 0;
  /** Does something with each module, and gives those that it was done with. */
  const withEach = async (
    modules: readonly ModuleFile[],
    work: (module: ModuleFile, elf: ElfFile) => void | Promise<void>,
  ) => {
    const good: ModuleFile[] = [];
    for (const module of modules) {
      try {
        const elf = await input.openFile(module.path);
        try {
          await work(module, elf);
        } finally {
          elf.file.close();
        }
        good.push(module);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        progress.failed(error);
      }
      progress.step(++done, total);
    }
    return good;
  };

  let kernel: string | null = null;
  let hasSuffix = false;
  let readable = input.modules;
  if (isUndecided) {
    readable = await time("names", () =>
      withEach(input.modules, (_, elf) => {
        kernel ??= moduleKernel(elf);
        const table = readSymbolTable(elf);
        if (table !== undefined) hasSuffix ||= hasLlvmSuffix(table.strings);
      }),
    );
  }
  const options = {
    ...asked,
    kallsymsNames:
      asked.kallsymsNames ?? namesOf(input.vmlinux?.image, asked.kernelRelease ?? kernel, hasSuffix),
  };
  const names = new Map<string, number>();
  let example: { path: string; machine: number; arch: string | null } | undefined;
  const modules = await time("names", () =>
    withEach(readable, (module, elf) => {
      const machine = input.vmlinux?.image ?? example;
      if (machine !== undefined && elf.machine !== machine.machine) {
        throw new Failure(
          module.path,
          `is for another architecture than ${machine.path}`,
          "give modules of one kernel",
        );
      }
      countNames(names, moduleListing(elf, memory), options);
      example ??= { path: module.path, machine: elf.machine, arch: architecture(elf) };
      kernel ??= moduleKernel(elf);
    }),
  );

  let vmlinux: LocatedVmlinux | undefined;
  if (input.vmlinux?.image.type === ET_REL) {
    // vmlinux.o: its symbols have no addresses yet, so they count, and that is all.
    countNames(names, moduleListing(input.vmlinux.image, memory), options);
  } else if (input.vmlinux !== undefined) {
    const namesInModules = new Map(names);
    const inImage = { listing: undefined, debugImage: undefined, ...input.vmlinux };
    vmlinux = await locateVmlinux(inImage, options, time, {
      bearersOf: (name, own) => own + (isGlobal ? (namesInModules.get(name) ?? 0) : 0),
    });
    countNames(names, vmlinux.selection.listing, options);
  }
  const bearersOf = (name: string, own: number) =>
    isGlobal ? (names.get(name) ?? own) + (input.frequency?.get(name) ?? 0) : own;
  const roots = vmlinux?.roots ?? sourceRoots(options.sourceRoots, undefined);
  const located: LocatedModule[] = [];
  await time("locate", () =>
    withEach(modules, async (module, elf) => {
      const openLocator = () => input.openLocator(elf);
      const symbols = await moduleSymbols(module.name, elf, memory, options, bearersOf, openLocator, roots);
      located.push({ module, symbols });
    }),
  );
  located.sort((a, b) => Buffer.compare(Buffer.from(a.module.name), Buffer.from(b.module.name)));

  const { given, counts } = await time("name", () => nameAll(vmlinux, located, options));
  const rows = () => tableOf(vmlinux, located, given, options);
  const selections = [
    ...(vmlinux ? [vmlinux.selection.counts] : []),
    ...located.map(({ symbols }) => symbols.counts),
  ];
  let rowCount = 0;
  for (const _ of rows()) rowCount++;
  return {
    header: {
      schema: TABLE_SCHEMA,
      kernel: vmlinux?.header.kernel ?? options.kernelRelease ?? kernel,
      arch: vmlinux?.header.arch ?? example?.arch ?? null,
      scope: options.scope,
      objects: [
        ...(vmlinux?.header.objects ?? []),
        ...located.map(({ module, symbols }) => ({ name: module.name, buildId: symbols.buildId })),
      ],
      rows: rowCount,
      generator: `kas-alias ${VERSION}`,
      options: { ...tableOptions(options), init: options.init, modulePrefix: options.modulePrefix },
    },
    rows,
    frequency: names,
    injections: located.map(({ module, symbols }, i) => {
      const aliases = new Map<number, string>();
      symbols.named.forEach(({ tableIndex }, k) => {
        const alias = given[i + 1]?.alias[k];
        if (alias) aliases.set(tableIndex, alias);
      });
      return { module, aliases };
    }),
    counts: {
      ...counts,
      symbols: selections.reduce((sum, { symbols }) => sum + symbols, 0),
      duplicatedNames: isGlobal
        ? countDuplicated(names)
        : selections.reduce((sum, { duplicatedNames }) => sum + duplicatedNames, 0),
      excluded: sumByRule(selections.map(({ excluded }) => excluded)),
    },
  };
}

interface LocatedModule {
  readonly module: ModuleFile;
  readonly symbols: ModuleSymbols;
}

/**
 * How names count: as the kernel's image tells, or else its release.
 *
 * @param hasSuffix whether names of modules have ThinLTO's suffix
 */
function namesOf(vmlinux: ElfFile | undefined, release: string | null, hasSuffix: boolean): KallsymsNames {
  const table = vmlinux && readSymbolTable(vmlinux);
  return vmlinux === undefined || table === undefined
    ? lookUpNames({ release, banner: null, config: () => undefined, hasLlvmSuffix: hasSuffix })
    : kallsymsNamesOf(table.strings, unlistedImage(vmlinux, table), release ?? undefined);
}

/** Counts the symbols of a listing by name; aliases in it are not counted. */
function countNames(counts: Map<string, number>, listing: Listing, options: AliasOptions): void {
  const existing = findExistingAliases(listing, options);
  const nameOf = countedReader(listing, options);
  for (let symbol = 0; symbol < listing.count; symbol++) {
    if (listing.nameHash[symbol] === 0 || existing?.[symbol] === 1) continue;
    const name = nameOf(symbol);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}

function countDuplicated(counts: ReadonlyMap<string, number>): number {
  let duplicated = 0;
  for (const count of counts.values()) if (count > 1) duplicated++;
  return duplicated;
}

function sumByRule(excluded: readonly Record<string, number>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const [rule, count] of excluded.flatMap(Object.entries<number>)) {
    sums.set(rule, (sums.get(rule) ?? 0) + count);
  }
  return Object.fromEntries([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Given = Pick<Aliases, "alias" | "ordinal">;

/**
 * Names the symbols of all objects: in global scope together, else each object's by themselves.
 *
 * @returns what vmlinux is given, which may be nothing, and then each module
 */
function nameAll(
  vmlinux: LocatedVmlinux | undefined,
  modules: readonly LocatedModule[],
  options: AliasOptions & Pick<ModulesOptions, "scope" | "modulePrefix">,
): { given: Given[]; counts: Aliases["counts"] } {
  const objects: { named: readonly NamedSymbol[]; taken: ReadonlySet<string> }[] = [];
  if (vmlinux === undefined) objects.push({ named: [], taken: new Set() });
  else {
    const { listing, symbols, existing } = vmlinux.selection;
    const stemOf = stemReader(listing, options.data);
    const places = placesOf(vmlinux);
    const named = Array.from(symbols, (symbol, i) => ({ stem: stemOf(symbol), place: places[i] ?? null }));
    objects.push({ named, taken: namesWithSeparator(listing, options.separator, existing) });
  }
  for (const { module, symbols } of modules) {
    const { named, taken } = symbols;
    objects.push({
      named: options.modulePrefix ? named.map((symbol) => prefixed(symbol, module.name)) : named,
      taken,
    });
  }

  if (options.scope === "object") {
    const given = objects.map(({ named, taken }) => giveAliases(named, options, taken));
    return { given, counts: given.map(({ counts }) => counts).reduce(addCounts) };
  }
  const taken = new Set(objects.flatMap(({ taken }) => [...taken]));
  const { alias, ordinal, counts } = giveAliases(
    objects.flatMap(({ named }) => named),
    options,
    taken,
  );
  let start = 0;
  const given = objects.map(({ named }) => {
    const end = start + named.length;
    const part = { alias: alias.slice(start, end), ordinal: ordinal.subarray(start, end) };
    start = end;
    return part;
  });
  return { given, counts };
}

function addCounts(a: Aliases["counts"], b: Aliases["counts"]): Aliases["counts"] {
  return {
    aliases: a.aliases + b.aliases,
    unresolved: a.unresolved + b.unresolved,
    tooLong: a.tooLong + b.tooLong,
    ambiguous: {
      plain: a.ambiguous.plain + b.ambiguous.plain,
      final: a.ambiguous.final + b.ambiguous.final,
    },
    ordinal: a.ordinal + b.ordinal,
  };
}

/** The symbol with its module's name in front of its path. */
function prefixed({ stem, place }: NamedSymbol, module: string): NamedSymbol {
  if (place === null) return { stem, place };
  const file = `${module}/${place.file}`;
  const within: Place = { file, line: place.line, unit: place.unit === place.file ? file : place.unit };
  return { stem, place: within };
}

function* tableOf(
  vmlinux: LocatedVmlinux | undefined,
  modules: readonly LocatedModule[],
  given: readonly Given[],
  scope: TableScope,
): Generator<TableRow> {
  if (vmlinux !== undefined) yield* tableRows(vmlinux, given[0] as Given);
  for (const [i, { symbols }] of modules.entries()) {
    const { alias, ordinal } = given[i + 1] as Given;
    const nameOf = new Map(symbols.named.map(({ row }, k) => [row, k]));
    const rows = symbols.rows.map((row, index): TableRow => {
      const k = nameOf.get(index);
      return k === undefined ? row : { ...row, alias: alias[k] ?? null, ordinal: ordinal[k] ?? 0 };
    });
    // The listing's order is that of sections; the sort is stable.
    rows.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    for (const row of rows) if (isInTable(row, scope)) yield row;
  }
}
