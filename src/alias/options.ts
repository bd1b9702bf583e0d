import { definedProperties } from "../defined-properties.ts";
import { DEBUG_DIRECTORIES } from "../elf/debug-link.ts";
import { Failure } from "../failure.ts";
import { type LocatorOptions, locatorOptions } from "../source-lines/open-locator.ts";
import type { KallsymsNames } from "../symbols/name-anatomy.ts";
import type { FilterOptions } from "./filters.ts";
import { type NamingOptions, separatorFault } from "./naming.ts";

/** The choice of symbols that get an alias, and the alias's form. */
export interface AliasOptions extends NamingOptions {
  /** Whether data symbols get aliases too. Default: false. */
  readonly data: boolean;
  /** The names that get no alias. Default: those that compilers, assemblers and macros generate. */
  readonly filters: FilterOptions;
}

/** The options that decide which symbols get an alias. */
export type SelectionOptions = Omit<AliasOptions, "maxNameLength">;

/** The information to look up besides the line of a symbol's first address. */
export interface LocatingOptions {
  /** Where a function is located: at the line of its first address, or of its declaration. Default: "entry". */
  readonly location: "entry" | "decl";
  /** Whether the parameters of functions are compared with the source's. Default: false. */
  readonly signatures: boolean;
}

/** The options of a run over a vmlinux. */
export interface VmlinuxOptions
  extends Omit<AliasOptions, "kallsymsNames" | "maxNameLength">,
    LocatingOptions,
    Omit<LocatorOptions, "signatures"> {
  /** The part of a name that the kernel's look-ups compare. Default: undefined, derived from the kernel's image. */
  readonly kallsymsNames: KallsymsNames | undefined;
  /** KSYM_NAME_LEN of the kernel. Default: undefined, derived from its release. */
  readonly maxNameLength: number | undefined;
  /** Roots of the source tree, tried before the detected ones. Default: none. */
  readonly sourceRoots: readonly string[];
  /** Whether to locate all symbols in scope and write them to the table, or only those that get an alias. Default: false. */
  readonly locateAll: boolean;
  /** Replaces the release in the image's linux_banner. Default: undefined. */
  readonly kernelRelease: string | undefined;
}

/** The options of a run over modules. */
export interface ModulesOptions extends VmlinuxOptions {
  /**
   * Whether names are counted across vmlinux and all modules, or in each object separately. Default: undefined, as the kernel's probes
   * count them: "object" from Linux 7.2 on.
   */
  readonly scope: "global" | "object" | undefined;
  /** Whether symbols in .init sections, which are freed after loading, get aliases. Default: false. */
  readonly init: boolean;
  /** Whether a module's aliases include the module's name. Default: false. */
  readonly modulePrefix: boolean;
  /** Directories with separate debug files. Default: /usr/lib/debug. */
  readonly debugDirectories: readonly string[];
}

/** The options of a run over a vmlinux, with defaults for those that are not given. */
export function vmlinuxOptions(given: Partial<VmlinuxOptions>): VmlinuxOptions {
  const options: VmlinuxOptions = {
    ...locatorOptions({}),
    separator: "@",
    disambiguate: true,
    maxNameLength: undefined,
    kallsymsNames: undefined,
    data: false,
    filters: { defaults: true, exclude: [], include: [] },
    sourceRoots: [],
    location: "entry",
    signatures: false,
    locateAll: false,
    kernelRelease: undefined,
    ...definedProperties(given),
  };
  const fault = separatorFault(options.separator);
  if (fault !== undefined) {
    const { separator } = options;
    throw new Failure("WRONG_USAGE", `separator ${JSON.stringify(separator)}`, "is not allowed", fault);
  }
  return options;
}

/** The options of a run over modules, with defaults for those that are not given. */
export function modulesOptions(given: Partial<ModulesOptions>): ModulesOptions {
  const vmlinux = vmlinuxOptions(given);
  return {
    scope: undefined,
    init: false,
    modulePrefix: false,
    debugDirectories: DEBUG_DIRECTORIES,
    ...definedProperties(given),
    ...vmlinux,
  };
}

/** The options that affect results, as the header of a table records them. */
export function recordedOptions(options: AliasOptions & LocatingOptions) {
  const { separator, disambiguate, maxNameLength, kallsymsNames, data, location, signatures, filters } =
    options;
  return { separator, disambiguate, maxNameLength, kallsymsNames, data, location, signatures, ...filters };
}
