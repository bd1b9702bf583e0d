import { ET_REL } from "../constants/elf.ts";
import { MissingFiles } from "../dwarf/missing-files.ts";
import { openPossiblyCompressed } from "../elf/compressed-file.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { machineName } from "../elf/machine-name.ts";
import { moduleKernel } from "../elf/modinfo.ts";
import { readSymbolNames, readSymbolTable } from "../elf/symbol-table.ts";
import { Failure } from "../failure.ts";
import type { ModuleFile } from "../modules/module-files.ts";
import { sourceRoots } from "../source-lines/source-root.ts";
import { lookUpNames, nameLengthLimit, probesCountModules } from "../symbols/kallsyms-names.ts";
import {
  architecture,
  type KernelImage,
  kernelBanner,
  releaseOf,
  unlistedImage,
} from "../symbols/kernel-image.ts";
import type { Listing } from "../symbols/listing.ts";
import { hasLlvmSuffix, type KallsymsNames } from "../symbols/name-anatomy.ts";
import { TABLE_SCHEMA, type TableHeader, type TableRow } from "../table/alias-table.ts";
import { VERSION } from "../version.ts";
import { type WasmMemory, wasmMemory } from "../wasm/program.ts";
import {
  kallsymsNamesOf,
  type LocatedVmlinux,
  locateVmlinux,
  placesOf,
  type RunCounts,
  type Timer,
  tableRows,
  untimed,
} from "./alias-vmlinux.ts";
import { countedReader, findExistingAliases } from "./candidates.ts";
import { type ModuleOptions, type ModuleSymbols, moduleListing, moduleSymbols } from "./module-symbols.ts";
import {
  type Aliases,
  giveAliases,
  type NamedSymbol,
  namedSymbols,
  namesWithSeparator,
} from "./name-symbols.ts";
import type { NamingOptions, Place } from "./naming.ts";
import { type ModulesOptions, modulesOptions, recordedOptions, type SelectionOptions } from "./options.ts";
import { isInTable, type TableScope } from "./table-scope.ts";

/** The input of a run over modules. */
export interface ModulesInput {
  readonly modules: readonly ModuleFile[];
  /** The image that the modules are loaded into, or the object it is linked from, vmlinux.o. Its names count too. */
  readonly vmlinux?: ElfFile | undefined;
  /** The number of symbols with each name in a kernel that was built elsewhere, without these modules. */
  readonly frequency?: ReadonlyMap<string, number> | undefined;
}

/** The result of a run over modules. */
export interface ModulesResult {
  readonly header: TableHeader;
  rows(): Iterable<TableRow>;
  /** The number of symbols of vmlinux and all modules with each name, as look-ups compare names. */
  readonly frequency: ReadonlyMap<string, number>;
  /** The aliases of each module, by index in its symbol table. */
  readonly injections: readonly {
    readonly module: ModuleFile;
    readonly aliases: ReadonlyMap<number, string>;
  }[];
  readonly counts: RunCounts;
  /** One line for each kind of information that is unknown because other files are missing, such as those of split DWARF. */
  readonly missing: readonly string[];
}

/** Receives the progress of a run. */
export interface ModulesProgress {
  step(done: number, total: number): void;
  /** Called for a module that failed and is skipped. @throws the failure, to end the run */
  failed(failure: Failure): void;
}

/** Ends the run at the first module that fails. */
const FAIL_FAST: ModulesProgress = {
  step: () => undefined,
  failed: (failure) => {
    throw failure;
  },
};

/**
 * Creates unique aliases for the duplicated names of modules and of their vmlinux.
 *
 * First counts all names, then locates the symbols with a duplicated name, module by module, and names them at the end.
 * Only one module is open at a time.
 *
 * @param given options other than the defaults
 * @throws Failure for a module that is not a relocatable object, has no symbols or debug information, or is for another architecture
 * @example
 * const modules = modulesBelow("modules");
 * const { header, counts } = await aliasModules({ modules, vmlinux: openElf("vmlinux") });
 * console.log(header.objects.length, counts.aliases);
 */
export async function aliasModules(
  input: ModulesInput,
  given: Partial<ModulesOptions> = {},
  progress: ModulesProgress = FAIL_FAST,
  time: Timer = untimed,
): Promise<ModulesResult> {
  const asked = modulesOptions(given);
  const memory = wasmMemory();
  const isUndecided = asked.kallsymsNames === undefined && input.vmlinux === undefined;
  const withEach = moduleVisitor(progress, (isUndecided ? 3 : 2) * input.modules.length);

  const surveyed = isUndecided
    ? await time("names", () => survey(input.modules, withEach))
    : { modules: input.modules, kernel: null, hasSuffix: false };
  const image = imageOf(input.vmlinux);
  const kallsymsNames =
    asked.kallsymsNames ?? namesOf(image, asked.kernelRelease ?? surveyed.kernel, surveyed.hasSuffix);

  const names = new Map<string, number>();
  const counted = await time("names", () =>
    countModules(names, surveyed.modules, input.vmlinux, memory, { ...asked, kallsymsNames }, withEach),
  );
  const banner = image && kernelBanner(image);
  const kernel = asked.kernelRelease ?? (banner ? releaseOf(banner) : (surveyed.kernel ?? counted.kernel));
  const scope = asked.scope ?? (probesCountModules(kernel) ? "global" : "object");
  const options: ModuleOptions = { ...asked, kallsymsNames, scope };
  const vmlinux = await locateImage(names, input.vmlinux, memory, options, time);
  const isGlobal = options.scope === "global";
  const countOf = (name: string, own: number) =>
    isGlobal ? (names.get(name) ?? own) + (input.frequency?.get(name) ?? 0) : own;
  const roots = vmlinux?.roots ?? sourceRoots(options.sourceRoots, undefined);
  const located: LocatedModule[] = [];
  const missing = new MissingFiles();
  if (vmlinux !== undefined) missing.addAll(vmlinux.missing);
  await time("locate", () =>
    withEach(counted.modules, async (module, elf) => {
      const symbols = await moduleSymbols(module.name, elf, memory, options, countOf, roots, missing);
      located.push({ module, symbols });
    }),
  );
  located.sort((a, b) => Buffer.compare(Buffer.from(a.module.name), Buffer.from(b.module.name)));

  const naming = { ...options, maxNameLength: options.maxNameLength ?? nameLengthLimit(kernel) };
  const named = await time("name", () => nameAll(vmlinux, located, naming));
  const rows = () => tableOf(vmlinux, located, named, options);
  let rowCount = 0;
  for (const _ of rows()) rowCount++;
  return {
    header: {
      schema: TABLE_SCHEMA,
      kernel,
      arch: vmlinux?.header.arch ?? counted.arch,
      scope: options.scope,
      objects: [
        ...(vmlinux?.header.objects ?? []),
        ...located.map(({ module, symbols }) => ({ name: module.name, buildId: symbols.buildId })),
      ],
      rows: rowCount,
      generator: `kas-alias ${VERSION}`,
      options: { ...recordedOptions(naming), init: options.init, modulePrefix: options.modulePrefix },
    },
    rows,
    frequency: names,
    injections: located.map(({ module, symbols }, i) => {
      const aliases = new Map<number, string>();
      for (const [k, { symtabIndex }] of symbols.named.entries()) {
        const alias = named.modules[i]?.alias[k];
        if (alias) aliases.set(symtabIndex, alias);
      }
      return { module, aliases };
    }),
    counts: countsOf(vmlinux, located, named.counts, isGlobal ? names : undefined),
    missing: missing.lines(),
  };
}

/** Runs `work` on each module, with its file open; returns the modules that succeeded. */
type ModuleVisitor = (
  modules: readonly ModuleFile[],
  work: (module: ModuleFile, elf: ElfFile) => void | Promise<void>,
) => Promise<ModuleFile[]>;

/** @param total the number of module visits in all passes together */
function moduleVisitor(progress: ModulesProgress, total: number): ModuleVisitor {
  let done = 0;
  return async (modules, work) => {
    const succeeded: ModuleFile[] = [];
    for (const module of modules) {
      try {
        const elf = await openPossiblyCompressed(module.path);
        try {
          await work(module, elf);
        } finally {
          elf.file.close();
        }
        succeeded.push(module);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        progress.failed(error);
      }
      progress.step(++done, total);
    }
    return succeeded;
  };
}

/** Reads from modules the release of their kernel, and whether any of their names has ThinLTO's suffix. */
async function survey(modules: readonly ModuleFile[], withEach: ModuleVisitor) {
  let kernel: string | null = null;
  let hasSuffix = false;
  const readable = await withEach(modules, (_, elf) => {
    kernel ??= moduleKernel(elf);
    const names = readSymbolNames(elf);
    if (names !== undefined) hasSuffix ||= hasLlvmSuffix(names);
  });
  return { modules: readable, kernel, hasSuffix };
}

/** Counts the names of modules; all must have the same architecture, that of vmlinux if it is given. */
async function countModules(
  names: Map<string, number>,
  modules: readonly ModuleFile[],
  vmlinux: ElfFile | undefined,
  memory: WasmMemory,
  options: SelectionOptions,
  withEach: ModuleVisitor,
) {
  let reference: Pick<ElfFile, "path" | "machine"> | undefined = vmlinux;
  let arch: string | null = null;
  let kernel: string | null = null;
  const readable = await withEach(modules, (module, elf) => {
    if (reference !== undefined && elf.machine !== reference.machine) {
      throw new Failure(
        "OTHER_BUILD",
        module.path,
        `is for ${machineName(elf.machine)}, but ${reference.path} is for ${machineName(reference.machine)}`,
        "give modules of one kernel",
      );
    }
    countNames(names, moduleListing(elf, memory), options);
    reference ??= { path: module.path, machine: elf.machine };
    arch ??= architecture(elf);
    kernel ??= moduleKernel(elf);
  });
  return { modules: readable, arch, kernel };
}

/** Locates the symbols of vmlinux, and counts its names. Symbols of vmlinux.o have no addresses yet, so it only counts those. */
async function locateImage(
  names: Map<string, number>,
  image: ElfFile | undefined,
  memory: WasmMemory,
  options: ModuleOptions,
  time: Timer,
): Promise<LocatedVmlinux | undefined> {
  if (image === undefined) return undefined;
  if (image.type === ET_REL) {
    countNames(names, moduleListing(image, memory), options);
    return undefined;
  }
  const inModules = options.scope === "global" ? new Map(names) : undefined;
  const vmlinux = await locateVmlinux({ image }, options, time, {
    countOf: (name, own) => own + (inModules?.get(name) ?? 0),
  });
  countNames(names, vmlinux.selection.listing, options);
  return vmlinux;
}

interface LocatedModule {
  readonly module: ModuleFile;
  readonly symbols: ModuleSymbols;
}

function imageOf(vmlinux: ElfFile | undefined): KernelImage | undefined {
  const table = vmlinux && readSymbolTable(vmlinux);
  return table && unlistedImage(vmlinux, table);
}

/**
 * The part of a name that the kernel's look-ups compare, derived from the kernel's image, or else from its release.
 *
 * @param hasSuffix whether names of modules have ThinLTO's suffix
 */
function namesOf(image: KernelImage | undefined, release: string | null, hasSuffix: boolean): KallsymsNames {
  return image === undefined
    ? lookUpNames({ release, banner: null, config: () => undefined, hasLlvmSuffix: hasSuffix })
    : kallsymsNamesOf(image.table.strings, image, release ?? undefined);
}

/** Counts the symbols of a listing by name; skips aliases in it. */
function countNames(counts: Map<string, number>, listing: Listing, options: SelectionOptions): void {
  const existing = findExistingAliases(listing, options);
  const nameOf = countedReader(listing, options);
  for (let symbol = 0; symbol < listing.count; symbol++) {
    if (listing.nameHash[symbol] === 0 || existing?.[symbol] === 1) continue;
    const name = nameOf(symbol);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}

/** @param names the counts by name across all objects, in global scope */
function countsOf(
  vmlinux: LocatedVmlinux | undefined,
  modules: readonly LocatedModule[],
  counts: Aliases["counts"],
  names: ReadonlyMap<string, number> | undefined,
): RunCounts {
  const selections = [
    ...(vmlinux ? [vmlinux.selection.counts] : []),
    ...modules.map(({ symbols }) => symbols.counts),
  ];
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  return {
    ...counts,
    symbols: sum(selections.map(({ symbols }) => symbols)),
    duplicatedNames: names
      ? [...names.values()].filter((count) => count > 1).length
      : sum(selections.map(({ duplicatedNames }) => duplicatedNames)),
    excluded: sumByRule(selections.map(({ excluded }) => excluded)),
  };
}

function sumByRule(excluded: readonly Record<string, number>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const [rule, count] of excluded.flatMap(Object.entries<number>)) {
    sums.set(rule, (sums.get(rule) ?? 0) + count);
  }
  return Object.fromEntries([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Given = Pick<Aliases, "alias" | "ordinal">;

/** The aliases of the objects of a run, in the order of their symbols. */
interface GivenNames {
  /** undefined without a vmlinux. */
  readonly vmlinux: Given | undefined;
  readonly modules: readonly Given[];
  readonly counts: Aliases["counts"];
}

/** Creates the aliases of all objects: together in global scope, otherwise separately for each object. */
function nameAll(
  vmlinux: LocatedVmlinux | undefined,
  modules: readonly LocatedModule[],
  options: ModuleOptions & NamingOptions,
): GivenNames {
  const objects: NamedObject[] = [];
  if (vmlinux !== undefined) {
    const { listing, symbols, existing } = vmlinux.selection;
    objects.push({
      named: namedSymbols(listing, symbols, placesOf(vmlinux), options.data),
      taken: namesWithSeparator(listing, options.separator, existing),
    });
  }
  for (const { module, symbols } of modules) {
    const { named, taken } = symbols;
    objects.push({
      named: options.modulePrefix ? named.map((symbol) => prefixed(symbol, module.name)) : named,
      taken,
    });
  }
  const { given, counts } =
    options.scope === "object" ? nameEach(objects, options) : nameTogether(objects, options);
  return { vmlinux: vmlinux && given[0], modules: vmlinux ? given.slice(1) : given, counts };
}

type NamedObject = { readonly named: readonly NamedSymbol[]; readonly taken: ReadonlySet<string> };

function nameEach(objects: readonly NamedObject[], options: ModuleOptions & NamingOptions) {
  const given = objects.map(({ named, taken }) => giveAliases(named, options, taken));
  const none = giveAliases([], options, new Set());
  return { given, counts: given.map(({ counts }) => counts).reduce(addCounts, none.counts) };
}

function nameTogether(objects: readonly NamedObject[], options: ModuleOptions & NamingOptions) {
  const taken = new Set(objects.flatMap(({ taken }) => [...taken]));
  const all = objects.flatMap(({ named }) => named);
  const { alias, ordinal, counts } = giveAliases(all, options, taken);
  let start = 0;
  const given = objects.map(({ named }): Given => {
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

/** The symbol with its module's name before its path. */
function prefixed({ stem, place }: NamedSymbol, module: string): NamedSymbol {
  if (place === null) return { stem, place };
  const file = `${module}/${place.file}`;
  const within: Place = { file, line: place.line, unit: place.unit === place.file ? file : place.unit };
  return { stem, place: within };
}

function* tableOf(
  vmlinux: LocatedVmlinux | undefined,
  modules: readonly LocatedModule[],
  given: GivenNames,
  scope: TableScope,
): Generator<TableRow> {
  if (vmlinux !== undefined && given.vmlinux !== undefined) yield* tableRows(vmlinux, given.vmlinux);
  for (const [i, { symbols }] of modules.entries()) {
    const names = given.modules[i];
    const nameOf = new Map(symbols.named.map(({ row }, k) => [row, k]));
    const rows = symbols.rows.map((row, index): TableRow => {
      const k = nameOf.get(index);
      return k === undefined
        ? row
        : { ...row, alias: names?.alias[k] ?? null, ordinal: names?.ordinal[k] ?? 0 };
    });
    // The listing is in the order of sections; the sort is stable.
    rows.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    for (const row of rows) if (isInTable(row, scope)) yield row;
  }
}
