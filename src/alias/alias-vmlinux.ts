import { at } from "../checked-index.ts";
import { ET_REL } from "../constants/elf.ts";
import type { MissingFiles } from "../dwarf/missing-files.ts";
import { formatAt } from "../elf/address.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { buildId } from "../elf/notes.ts";
import { layOutSections } from "../elf/section-layout.ts";
import { Failure } from "../failure.ts";
import { openLocator, openObjectLocator } from "../source-lines/open-locator.ts";
import type { SourceRoots } from "../source-lines/source-root.ts";
import { type ElfListing, elfListing, loadElfListing } from "../symbols/elf-listing.ts";
import { withImageKinds } from "../symbols/image-kinds.ts";
import { livePatchNames, lookUpNames, nameLengthLimit } from "../symbols/kallsyms-names.ts";
import {
  architecture,
  type KernelImage,
  kernelBanner,
  kernelConfig,
  listedImage,
  releaseOf,
} from "../symbols/kernel-image.ts";
import { type Listing, symbolName } from "../symbols/listing.ts";
import { matchByAddress, matchByFile, matchByName } from "../symbols/match.ts";
import { hasLlvmSuffix, type KallsymsNames } from "../symbols/name-anatomy.ts";
import { symbolPositions } from "../symbols/sympos.ts";
import { TABLE_SCHEMA, type TableHeader, type TableRow } from "../table/alias-table.ts";
import { VERSION } from "../version.ts";
import { aliasedLines } from "./aliased-listing.ts";
import { type Surroundings, symbolsInScope } from "./candidates.ts";
import { locateSymbols, type SymbolOrigin } from "./locate.ts";
import { type Aliases, nameSymbols } from "./name-symbols.ts";
import type { Place } from "./naming.ts";
import { recordedOptions, type VmlinuxOptions, vmlinuxOptions } from "./options.ts";
import { reportUnprintable, type Selection, selectSymbols } from "./select.ts";
import { symbolRow } from "./symbol-row.ts";
import { isInTable, type TableScope, tableSymbols } from "./table-scope.ts";

/** The input of a run over a vmlinux: an image, or a listing and an image with debug information. */
export interface VmlinuxInput {
  /** The symbols to alias, if they are not the image's own. */
  readonly listing?: Listing | undefined;
  /** The image whose symbols are aliased; optional if a listing and a debug image are given. */
  readonly image?: ElfFile | undefined;
  /**
   * The file with the debug information, if `image` has none: another image of the same build, or the object that `image` was
   * linked from (vmlinux.o).
   */
  readonly debugImage?: ElfFile | undefined;
}

/** Measures the time of a stage. */
export type Timer = <T>(stage: string, work: () => T | Promise<T>) => Promise<T>;

/** Runs a stage without measuring it. */
export const untimed: Timer = async (_, work) => work();

/** The figures of a run. */
export type RunCounts = Selection["counts"] & Aliases["counts"];

/** The result of a run over a vmlinux. */
export interface VmlinuxResult {
  /** The file that the listing was read from. */
  readonly source: string;
  readonly counts: RunCounts;
  /** One line for each kind of information that is unknown because other files are missing, such as those of split DWARF. */
  readonly missing: readonly string[];
  /** The header of the alias table. */
  readonly header: TableHeader;
  /** The rows of the alias table, by address. */
  rows(): Iterable<TableRow>;
  /** The lines of the listing, that of each alias after that of its symbol, in pieces, each valid until the next is requested. */
  lines(): Iterable<Uint8Array>;
}

const NO_SYMBOLS = "has no symbol table";

/** The listing of an image. @throws Failure when it has no symbols */
export function imageListing(image: ElfFile): ElfListing {
  const listing = elfListing(image);
  if (listing !== undefined && listing.count > 0) return listing;
  throw new Failure("NO_SYMBOLS", image.path, NO_SYMBOLS, "give an unstripped vmlinux");
}

/** A vmlinux whose symbols are selected and located, but not yet named. */
export interface LocatedVmlinux {
  readonly selection: Selection;
  /** The symbols located: those to alias, or all in scope. */
  readonly symbols: Int32Array;
  readonly origins: readonly SymbolOrigin[];
  readonly roots: SourceRoots;
  readonly scope: TableScope;
  /** The files that locating needed and that cannot be used. */
  readonly missing: MissingFiles;
  readonly header: Pick<TableHeader, "kernel" | "arch" | "objects">;
}

/**
 * The part of a name that a kernel's look-ups compare, derived from its image.
 *
 * @param text the names of its symbols
 */
export function kallsymsNamesOf(
  text: Buffer,
  image: KernelImage | undefined,
  kernelRelease: string | undefined,
): KallsymsNames {
  const banner = image && kernelBanner(image);
  return lookUpNames({
    release: kernelRelease ?? (banner ? releaseOf(banner) : null),
    banner: banner ?? null,
    config: () => image && kernelConfig(image),
    hasLlvmSuffix: hasLlvmSuffix(text),
  });
}

/** Selects and locates the symbols of a vmlinux to alias. */
export async function locateVmlinux(
  input: VmlinuxInput,
  given: VmlinuxOptions,
  time: Timer,
  surroundings?: Surroundings,
): Promise<LocatedVmlinux> {
  const { image, debugImage } = input;
  const located = debugImage ?? image;
  if (located === undefined)
    throw new Failure("WRONG_USAGE", "input", "has no image", "give an image or a debugImage");
  checkBuildIds(input);
  const loading = time("symbols", () => openListings(input, located));
  // While a thread reads the symbols. Faults of the debug information are reported when it is needed.
  const opening =
    debugImage?.type === ET_REL ? openObjectLocator(debugImage, [], given) : openLocator(located, given);
  opening.catch(() => undefined);
  const [listing, locatedListing] = await loading;
  // An object that vmlinux is linked from has no linux_banner yet (init/version-timestamp.c).
  const linked = located.type === ET_REL && image !== undefined ? imageListing(image) : undefined;
  const kernelImage = linked
    ? image && listedImage(image, linked)
    : locatedListing && listedImage(located, locatedListing);
  const { kernelRelease } = given;
  const options = {
    ...given,
    kallsymsNames: given.kallsymsNames ?? kallsymsNamesOf(listing.text, kernelImage, kernelRelease),
  };
  const selection = await time("select", () => selectSymbols(listing, options, surroundings));
  const symbols = tableSymbols(selection, options);
  const { origins, roots, missing } = await time("locate", async () => {
    const tableIndex =
      locatedListing && tableIndices(input, selection, symbols, locatedListing, linked, options.data);
    const locator = await opening;
    const { sourceRoots } = options;
    const { missing } = locator;
    reportUnprintable(selection, missing);
    return {
      ...(await locateSymbols(listing, symbols, locator, locatedListing, tableIndex, sourceRoots, options)),
      missing,
    };
  });
  const banner = kernelImage === undefined ? null : kernelBanner(kernelImage);
  const header = {
    kernel: kernelRelease ?? (banner === null ? null : releaseOf(banner)),
    arch: architecture(located),
    objects: [{ name: "vmlinux", buildId: (image && buildId(image)) ?? buildId(located) }],
  };
  return { selection, symbols, origins, roots, missing, header, scope: options };
}

/**
 * Creates unique aliases for the duplicated names of a vmlinux.
 *
 * @param given options other than the defaults
 * @throws Failure for an image without symbols, without debug information, or with a listing of a different build
 * @example
 * const result = await aliasVmlinux({ image: openElf("vmlinux") }, { data: true });
 * for (const { name, alias } of result.rows()) console.log(name, alias);
 */
export async function aliasVmlinux(
  input: VmlinuxInput,
  given: Partial<VmlinuxOptions> = {},
  time: Timer = untimed,
  surroundings?: Surroundings,
): Promise<VmlinuxResult> {
  const asked = vmlinuxOptions(given);
  const vmlinux = await locateVmlinux(input, asked, time, surroundings);
  const { selection } = vmlinux;
  const options = {
    ...asked,
    kallsymsNames: selection.kallsymsNames,
    maxNameLength: asked.maxNameLength ?? nameLengthLimit(vmlinux.header.kernel),
  };
  const aliases = await time("name", () =>
    nameSymbols(selection.listing, selection.symbols, placesOf(vmlinux), options, selection.existing),
  );
  const unresolved = namesWithoutAlias(selection, aliases);
  const header: TableHeader = {
    schema: TABLE_SCHEMA,
    kernel: vmlinux.header.kernel,
    arch: vmlinux.header.arch,
    scope: surroundings?.countOf ? "global" : "object",
    objects: vmlinux.header.objects,
    rows: rowCount(vmlinux, aliases),
    ...(unresolved.size > 0 ? { unresolved: Object.fromEntries(unresolved) } : {}),
    generator: `kas-alias ${VERSION}`,
    options: recordedOptions(options),
  };
  return {
    source: selection.listing.source,
    counts: { ...selection.counts, ...aliases.counts },
    missing: vmlinux.missing.lines(),
    header,
    rows: () => tableRows(vmlinux, aliases),
    lines: () => aliasedLines(selection, aliases),
  };
}

/**
 * Compares the build IDs of an image and the file with its debug information. An object that the image was linked from has none.
 *
 * @throws Failure for images of different builds
 */
function checkBuildIds({ image, debugImage }: VmlinuxInput): void {
  if (image === undefined || debugImage === undefined) return;
  if (debugImage.type === ET_REL) return;
  const [own, other] = [buildId(image), buildId(debugImage)];
  if (own === null || other === null || own === other) return;
  throw new Failure(
    "OTHER_BUILD",
    debugImage.path,
    `is of another build than ${image.path}: its build ID is ${other}, not ${own}`,
    "give a --debug-file of the same build",
  );
}

/** The listing to alias, and the listing of the image with the debug information, if it has one. */
async function openListings(
  input: VmlinuxInput,
  located: ElfFile,
): Promise<[Listing, ElfListing | undefined]> {
  const { image, debugImage } = input;
  const locatedListing = await loadElfListing(located, layOutSections(located));
  if (debugImage !== undefined && locatedListing === undefined) {
    throw new Failure(
      "NO_SYMBOLS",
      debugImage.path,
      NO_SYMBOLS,
      "give an unstripped vmlinux with --debug-file",
    );
  }
  if (input.listing !== undefined) {
    return [locatedListing ? withImageKinds(input.listing, locatedListing) : input.listing, locatedListing];
  }
  if (image !== undefined && image !== located) return [imageListing(image), locatedListing];
  if (locatedListing === undefined || locatedListing.count === 0)
    return [imageListing(located), locatedListing];
  return [locatedListing, locatedListing];
}

/**
 * The entry of each symbol in the symbol table of the file that it is located in.
 *
 * @param linked the image's own listing, if that file is the object that it was linked from
 */
function tableIndices(
  input: VmlinuxInput,
  selection: Selection,
  symbols: Int32Array,
  located: ElfListing,
  linked: ElfListing | undefined,
  withData: boolean,
): Uint32Array {
  const { listing } = selection;
  if (input.debugImage?.type === ET_REL) {
    return indicesInObject(input.debugImage, linked, selection, symbols, located, withData);
  }
  if (listing === located) return Uint32Array.from(symbols, (symbol) => at(located.tableIndex, symbol));
  if (input.debugImage === undefined) return matchByAddress(listing, symbols, located);
  return matchByName(listing, symbols, selection.inScope, located, symbolsInScope(located, withData));
}

/** The entry of each symbol in the symbol table of the object that the image was linked from. */
function indicesInObject(
  { path }: ElfFile,
  linked: ElfListing | undefined,
  { listing }: Selection,
  symbols: Int32Array,
  object: ElfListing,
  withData: boolean,
): Uint32Array {
  if (linked === undefined) {
    const problem = "is a relocatable file, which has no final addresses";
    throw new Failure("WRONG_KIND", path, problem, "also give the vmlinux that was linked from it");
  }
  const indices = matchByAddress(listing, symbols, linked);
  return matchByFile(
    linked,
    indices,
    symbolsInScope(linked, withData),
    object,
    symbolsInScope(object, withData),
  );
}

/** The places of the symbols to alias, taken from those of all located symbols. */
export function placesOf({ selection, symbols, origins }: LocatedVmlinux): (Place | null)[] {
  if (symbols === selection.symbols) return origins.map(({ place }) => place);
  const originOf = new Map(Array.from(symbols, (symbol, i) => [symbol, origins[i]]));
  return Array.from(selection.symbols, (symbol) => originOf.get(symbol)?.place ?? null);
}

function namesWithoutAlias({ listing, symbols }: Selection, { alias }: Aliases): Map<string, number> {
  const names = new Map<string, number>();
  for (const [i, symbol] of symbols.entries()) {
    if (alias[i] !== null) continue;
    const name = symbolName(listing, symbol);
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  return names;
}

function rowCount(vmlinux: LocatedVmlinux, aliases: Aliases): number {
  const { scope, symbols } = vmlinux;
  if (scope.locateAll) return symbols.length;
  if (!scope.signatures) return aliases.counts.aliases;
  let count = 0;
  for (const _ of tableRows(vmlinux, aliases)) count++;
  return count;
}

/** @param aliases those of the selected symbols */
export function* tableRows(
  { selection, symbols: located, origins, scope, header }: LocatedVmlinux,
  aliases: Pick<Aliases, "alias" | "ordinal">,
): Generator<TableRow> {
  const { listing, symbols, namesakes } = selection;
  const aliasIndex = new Map(Array.from(symbols, (symbol, i) => [symbol, i]));
  const names = livePatchNames(selection.kallsymsNames, header.kernel);
  const positions = symbolPositions(listing, located, namesakes, names);
  for (const [i, symbol] of located.entries()) {
    const index = aliasIndex.get(symbol) ?? -1;
    const row = symbolRow(listing, symbol, at(origins, i), {
      object: "vmlinux",
      alias: aliases.alias[index] ?? null,
      address: formatAt(listing, symbol),
      sympos: at(positions, i),
      ordinal: aliases.ordinal[index] ?? 0,
    });
    if (isInTable(row, scope)) yield row;
  }
}
