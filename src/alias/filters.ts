/** A rule that leaves symbols without an alias: its name in the statistics, and what it matches. */
export interface Filter {
  readonly rule: string;
  readonly pattern: RegExp;
}

/** `*` stands for any run of characters, `?` for one and, where `hashIsNumber`, `#` for a number. */
function globPattern(glob: string, hashIsNumber: boolean): RegExp {
  const source = glob.replace(/[.*+?^${}()|[\]\\#]/g, (character) => {
    if (character === "*") return ".*";
    if (character === "?") return ".";
    if (character === "#") return hashIsNumber ? "[0-9]+" : "#";
    return `\\${character}`;
  });
  return new RegExp(`^${source}$`, "su");
}

/** A filter from a glob that a user gave: `*` and `?` only. */
function globFilter(glob: string): Filter {
  return { rule: glob, pattern: globPattern(glob, false) };
}

/**
 * What gets no alias unless asked for: names that compilers, assemblers and macros make up, which nobody can probe
 * and which abound, and names that `scripts/mksysmap` (or scripts/kallsyms up to 6.1) keeps out of kallsyms.
 */
const GENERATED_NAMES = [
  // Prefixes of functions, put there by the compiler or objtool: not code that runs.
  "__pfx_*",
  "__cfi_*",
  "__UNIQUE_ID_*",
  // Private labels and numbered statics that macros leave behind.
  ".LC#",
  ".L#*",
  "__compound_literal.#",
  "__key.#",
  "__mkey.#",
  "__wkey.#",
  "*TRACE_SYSTEM*",
  "__already_done.#",
  "__msg.#",
  "__func__.#",
  "CSWTCH.#",
  "_rs.#",
  "___tp_str.#",
  "__flags.#",
  "___done.#",
  "__print_once.#",
  "___once_key.#",
  "symbols.#",
  "_note_#",
  // scripts/mksysmap of 6.12, is_ignored_symbol() in scripts/kallsyms.c of 6.1.
  ".L*",
  "__efistub_*",
  "__pi_.L*",
  "__kvm_nvhe_.L*",
  "__kcfi_typeid_*",
  "__pi___kcfi_typeid_*",
  "__kvm_nvhe___kcfi_typeid_*",
  "__crc_*",
  "__kstrtab_*",
  "__kstrtabns_*",
  "*_from_arm",
  "*_from_thumb",
  "*_veneer",
  "L0",
  "_SDA_BASE_",
  "_SDA2_BASE_",
  "*.long_branch.*",
  "*.plt_branch.*",
];

/** The default filters, in the order in which they are tried. */
export const DEFAULT_FILTERS: readonly Filter[] = [
  ...GENERATED_NAMES.map((glob) => ({ rule: glob, pattern: globPattern(glob, true) })),
  // ARM, AArch64 and RISC-V mapping symbols ($a, $d, $t, $x and $x<isa string>), in the namespaces of the
  // position-independent and hypervisor code too. mksysmap drops whatever starts with a dollar sign.
  { rule: "$*", pattern: /^(__pi_|__kvm_nvhe_)?\$/su },
  // The linkers' range-extension stubs (scripts/mksysmap).
  { rule: "__*Thunk_*", pattern: /^__[0-9A-Za-z]*Thunk_/su },
  // may_be_linker_script_provide_symbol() in scripts/kallsyms.c sorts these behind their aliases.
  { rule: "__*_start", pattern: /^__.*_start$/su },
  { rule: "__*_end", pattern: /^__.*_end$/su },
];

/** The names that a run leaves out. */
export interface FilterOptions {
  /** Whether DEFAULT_FILTERS apply; "text": to all but data symbols. */
  readonly defaults: boolean | "text";
  /** Globs of further names to leave out. */
  readonly exclude: readonly string[];
  /** Globs of names that are kept whatever the other rules say. */
  readonly include: readonly string[];
}

/** Gives the rule by which a symbol is left out, or undefined for one that stays. */
export type SymbolFilter = (name: string, isData: boolean) => string | undefined;

export function symbolFilter(options: FilterOptions): SymbolFilter {
  const filter = nameFilter({ ...options, defaults: options.defaults !== false });
  if (options.defaults !== "text") return filter;
  const ofData = nameFilter({ ...options, defaults: false });
  return (name, isData) => (isData ? ofData(name) : filter(name));
}

/** A function that gives the rule by which a name is left out, or undefined for a name that stays. */
export function nameFilter(options: FilterOptions): (name: string) => string | undefined {
  const kept = options.include.map(globFilter);
  const left = [...options.exclude.map(globFilter), ...(options.defaults ? DEFAULT_FILTERS : [])];
  // Most names match no filter, which one pattern made of all tells at once.
  const anyLeft = new RegExp(left.map(({ pattern }) => pattern.source).join("|") || "^(?!)", "su");
  return (name) => {
    if (!anyLeft.test(name) || kept.some(({ pattern }) => pattern.test(name))) return undefined;
    return left.find(({ pattern }) => pattern.test(name))?.rule;
  };
}
