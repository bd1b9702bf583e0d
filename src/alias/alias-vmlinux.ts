import { ET_REL } from "../constants/elf.ts";
import { formatAddress } from "../elf/address.ts";
import type { ElfFile } from "../elf/elf-file.ts";
import { buildId } from "../elf/notes.ts";
import { layOutSections } from "../elf/section-layout.ts";
import { Failure } from "../failure.ts";
import type { Locator } from "../source-lines/open-locator.ts";
import type { SourceRoots } from "../source-lines/source-root.ts";
import { type ElfListing, elfListing } from "../symbols/elf-listing.ts";
import { livePatchNames, lookUpNames } from "../symbols/kallsyms-names.ts";
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
import { type Surroundings, symbolsInScope } from "./candidates.ts";
import { type LocatingOptions, locateSymbols, type SymbolOrigin } from "./locate.ts";
import { type Aliases, nameSymbols } from "./name-symbols.ts";
import type { Place } from "./naming.ts";
import { type AliasOptions, type Selection, selectSymbols } from "./select.ts";
import { isInTable, type TableScope, tableSymbols } from "./table-scope.ts";

/** What a run over a vmlinux works on. */
export interface VmlinuxInput {
  /** The listing given with --nm, else the image's own is taken. */
  readonly listing: Listing | undefined;
  /** The image whose symbols are aliased; undefined when only a listing is given. */
  readonly image: ElfFile | undefined;
  /**
   * Another image of the same build, with the debug information, or the object that `image` was linked from; undefined when
   * `image` has it.
   */
  readonly debugImage: ElfFile | undefined;
  /** Opens what locates addresses in the image that has the debug information. */
  readonly openLocator: (elf: ElfFile) => Promise<Locator>;
}

export interface VmlinuxOptions extends Omit<AliasOptions, "kallsymsNames">, LocatingOptions {
  /** What the kernel's look-ups compare; undefined to find it out. */
  readonly kallsymsNames: KallsymsNames | undefined;
  /** Roots of the source tree, tried before any that is found out. */
  readonly sourceRoots: readonly string[];
  /** Whether all symbols in scope are located, or only those that get an alias. */
  readonly locateAll: boolean;
  /** Replaces the release in the image's linux_banner. */
  readonly kernelRelease: string | undefined;
}

/** Takes the time of a stage. */
export type Timer = <T>(stage: string, work: () => T | Promise<T>) => Promise<T>;

/** What a run over a vmlinux gives. */
export interface VmlinuxResult {
  readonly selection: Selection;
  readonly aliases: Aliases;
  readonly header: TableHeader;
  rows(): Iterable<TableRow>;
}

const NO_SYMBOLS = "has no symbol table";

/** The listing of an image. @throws Failure when it has no symbols */
export function imageListing(image: ElfFile): ElfListing {
  const listing = elfListing(image);
  if (listing !== undefined && listing.count > 0) return listing;
  throw new Failure(image.path, NO_SYMBOLS, "give a listing with --nm, or an unstripped vmlinux");
}

/** A vmlinux whose symbols are chosen and located, but not named yet. */
export interface LocatedVmlinux {
  readonly selection: Selection;
  /** The symbols located: those that are to get an alias, or all in scope. */
  readonly symbols: Int32Array;
  readonly origins: readonly SymbolOrigin[];
  readonly roots: SourceRoots;
  readonly scope: TableScope;
  readonly header: Pick<TableHeader, "kernel" | "arch" | "objects">;
}

/**
 * What the look-ups by name of a kernel compare, as its image tells.
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

/** Chooses and locates the symbols of a vmlinux that are to get an alias. */
export async function locateVmlinux(
  input: VmlinuxInput,
  given: VmlinuxOptions,
  time: Timer,
  surroundings?: Surroundings,
): Promise<LocatedVmlinux> {
  const { image, debugImage } = input;
  const located = debugImage ?? image;
  if (located === undefined) throw new Error("neither an image nor a debug image");
  const [listing, locatedListing] = await time("symbols", () => openListings(input, located));
  // An object that vmlinux is linked from has no linux_banner yet (init/version-timestamp.c).
  const isLinked = located.type !== ET_REL;
  const kernelImage = locatedListing && isLinked ? listedImage(located, locatedListing) : undefined;
  const { kernelRelease } = given;
  const options = {
    ...given,
    kallsymsNames: given.kallsymsNames ?? kallsymsNamesOf(listing.text, kernelImage, kernelRelease),
  };
  const selection = await time("select", () => selectSymbols(listing, options, surroundings));
  const symbols = tableSymbols(selection, options);
  const { origins, roots } = await time("locate", async () => {
    const tableIndex =
      debugImage?.type === ET_REL
        ? matchInObject(input, selection, symbols, locatedListing as ElfListing, options.data)
        : matchSymbols(selection, symbols, locatedListing, debugImage !== undefined, options.data);
    const locator = await input.openLocator(located);
    return locateSymbols(listing, symbols, locator, locatedListing, tableIndex, options.sourceRoots, options);
  });
  const banner = kernelImage === undefined ? null : kernelBanner(kernelImage);
  const header = {
    kernel: kernelRelease ?? (banner === null ? null : releaseOf(banner)),
    arch: architecture(located),
    objects: [{ name: "vmlinux", buildId: (image && buildId(image)) ?? buildId(located) }],
  };
  return { selection, symbols, origins, roots, header, scope: options };
}

/** Aliases the duplicated names of a vmlinux. */
export async function aliasVmlinux(
  input: VmlinuxInput,
  given: VmlinuxOptions,
  time: Timer,
  surroundings?: Surroundings,
): Promise<VmlinuxResult> {
  const vmlinux = await locateVmlinux(input, given, time, surroundings);
  const { selection } = vmlinux;
  const options = { ...given, kallsymsNames: selection.kallsymsNames };
  const aliases = await time("name", () =>
    nameSymbols(selection.listing, selection.symbols, placesOf(vmlinux), options, selection.existing),
  );
  const unresolved = namesWithoutAlias(selection, aliases);
  const header: TableHeader = {
    schema: TABLE_SCHEMA,
    kernel: vmlinux.header.kernel,
    arch: vmlinux.header.arch,
    scope: surroundings?.bearersOf ? "global" : "object",
    objects: vmlinux.header.objects,
    rows: rowCount(vmlinux, aliases),
    ...(unresolved.size > 0 ? { unresolved: Object.fromEntries(unresolved) } : {}),
    generator: `kas-alias ${VERSION}`,
    options: tableOptions(options),
  };
  return { selection, aliases, header, rows: () => tableRows(vmlinux, aliases) };
}

/** The options that change answers, as a table's header gives them. */
export function tableOptions(options: AliasOptions & LocatingOptions) {
  const { separator, disambiguate, maxNameLength, kallsymsNames, data, filters } = options;
  const { location = "entry", signatures = false } = options;
  return { separator, disambiguate, maxNameLength, kallsymsNames, data, location, signatures, ...filters };
}

/** The listing to be aliased, and the listing of the image that symbols are located in, if that has one. */
function openListings(input: VmlinuxInput, located: ElfFile): [Listing, ElfListing | undefined] {
  const { image, debugImage } = input;
  const locatedListing = elfListing(located, layOutSections(located));
  if (debugImage !== undefined && locatedListing === undefined) {
    throw new Failure(debugImage.path, NO_SYMBOLS, "give an unstripped vmlinux with --debug-file");
  }
  if (input.listing !== undefined) return [input.listing, locatedListing];
  if (image !== undefined && image !== located) return [imageListing(image), locatedListing];
  if (locatedListing === undefined || locatedListing.count === 0)
    return [imageListing(located), locatedListing];
  return [locatedListing, locatedListing];
}

/** The entry of each symbol in the symbol table of the image it is located in. */
function matchSymbols(
  selection: Selection,
  symbols: Int32Array,
  image: ElfListing | undefined,
  otherImage: boolean,
  withData: boolean,
): Uint32Array | undefined {
  if (image === undefined) return undefined;
  const { listing } = selection;
  if (listing === image) return Uint32Array.from(symbols, (symbol) => image.tableIndex[symbol] as number);
  if (otherImage) {
    return matchByName(listing, symbols, selection.inScope, image, symbolsInScope(image, withData));
  }
  return matchByAddress(listing, symbols, image);
}

/** The entry of each symbol in the symbol table of the object that the image was linked from. */
function matchInObject(
  { image, debugImage }: VmlinuxInput,
  { listing }: Selection,
  symbols: Int32Array,
  object: ElfListing,
  withData: boolean,
): Uint32Array {
  if (image === undefined) {
    const problem = "is a relocatable file, in which an address means nothing";
    throw new Failure(debugImage?.path ?? "", problem, "name the vmlinux that was linked from it too");
  }
  const linked = imageListing(image);
  const indices = matchByAddress(listing, symbols, linked);
  return matchByFile(
    linked,
    indices,
    symbolsInScope(linked, withData),
    object,
    symbolsInScope(object, withData),
  );
}

/** The places of the symbols that are to get an alias, out of those of all symbols located. */
export function placesOf({ selection, symbols, origins }: LocatedVmlinux): (Place | null)[] {
  if (symbols === selection.symbols) return origins.map(({ place }) => place);
  const indexOf = new Map(Array.from(symbols, (symbol, i) => [symbol, i]));
  return Array.from(selection.symbols, (symbol) => origins[indexOf.get(symbol) as number]?.place ?? null);
}

function namesWithoutAlias({ listing, symbols }: Selection, { alias }: Aliases): Map<string, number> {
  const names = new Map<string, number>();
  symbols.forEach((symbol, i) => {
    if (alias[i] !== null) return;
    const name = symbolName(listing, symbol);
    names.set(name, (names.get(name) ?? 0) + 1);
  });
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

/** @param aliases of the symbols that are to get one */
export function* tableRows(
  { selection, symbols: located, origins, scope, header }: LocatedVmlinux,
  aliases: Pick<Aliases, "alias" | "ordinal">,
): Generator<TableRow> {
  const { listing, symbols, namesakes } = selection;
  const aliasIndex = new Map(Array.from(symbols, (symbol, i) => [symbol, i]));
  const names = livePatchNames(selection.kallsymsNames, header.kernel);
  const positions = symbolPositions(listing, located, namesakes, names);
  for (const [i, symbol] of located.entries()) {
    const index = aliasIndex.get(symbol);
    const alias = index === undefined ? null : (aliases.alias[index] ?? null);
    const name = symbolName(listing, symbol);
    const type = String.fromCharCode(listing.type[symbol] as number);
    if (!isInTable({ name, alias, type }, scope)) continue;
    const { place, via, size, section, functionName, parameters } = origins[i] as SymbolOrigin;
    yield {
      object: "vmlinux",
      name,
      alias,
      type,
      address: formatAddress(listing.addressHigh[symbol] as number, listing.addressLow[symbol] as number),
      section,
      size,
      file: place?.file ?? null,
      line: place?.line ?? null,
      unit: place?.unit ?? null,
      sympos: positions[i] as number,
      ordinal: index === undefined ? 0 : (aliases.ordinal[index] as number),
      via,
      function: functionName,
      parameters: parameters?.count ?? null,
      arriving: parameters?.arriving ?? null,
    };
  }
}
