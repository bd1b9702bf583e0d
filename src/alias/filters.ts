/** A rule that excludes symbols from aliasing: its name in the statistics, and the pattern of symbol names. */
export interface Filter {
  readonly rule: string;
  readonly pattern: RegExp;
}

/** The pattern of one of the globs below: `*` matches any run of characters, and `#` a number. */
function globPattern(glob: string): RegExp {
  const source = glob.replace(/[.*#]/g, (character) => {
    if (character === "*") return ".*";
    return character === "#" ? "[0-9]+" : "\\.";
  });
  return new RegExp(`^${source}$`, "su");
}

/**
 * Returns a function that matches names with a glob that a user or a table gives: `*` and `?` only. It takes each part between two `*`
 * where it comes first, which never has to be undone: a regular expression would try all places of all parts.
 */
function globMatcher(glob: string): (name: string) => boolean {
  const parts = glob
    .split("*")
    .map((part) => part.replace(/[\\^$.*+()[\]{}|/]/g, "\\$&").replaceAll("?", "."));
  const [first = "", ...rest] = parts;
  const last = rest.pop();
  const begin = new RegExp(`^${first}${last === undefined ? "$" : ""}`, "su");
  const middle = rest.filter((part) => part !== "").map((part) => new RegExp(part, "gsu"));
  const end = new RegExp(`${last ?? ""}$`, "su");
  return (name) => {
    const begun = begin.exec(name);
    if (begun === null) return false;
    let at = begun[0].length;
    for (const part of middle) {
      part.lastIndex = at;
      if (!part.test(name)) return false;
      at = part.lastIndex;
    }
    return (end.exec(name)?.index ?? -1) >= at;
  };
}

/** Prefixes of functions, added by the compiler or objtool: not code that runs. */
const PREFIXES = ["__pfx_*", "__cfi_*"];

/** Names that compilers, assemblers and macros generate in large numbers, and that nobody can probe. */
const GENERATED_NAMES = [
  "__UNIQUE_ID_*",
  // Private labels and numbered statics from macros.
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
];

/** Names that the kernel's kallsyms lacks: scripts/mksysmap of 7.3, is_ignored_symbol() in scripts/kallsyms.c of 6.1. */
const NOT_IN_KALLSYMS = [
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
  "__mod_device_table__*",
];

const globFilters = (globs: readonly string[]): Filter[] =>
  globs.map((glob) => ({ rule: glob, pattern: globPattern(glob) }));

/** The filters for names that are neither in kallsyms nor of code that runs. */
const UNLISTED_FILTERS: readonly Filter[] = [
  ...globFilters(NOT_IN_KALLSYMS),
  // ARM, AArch64 and RISC-V mapping symbols ($a, $d, $t, $x and $x<isa string>), in the namespaces of the
  // position-independent and hypervisor code too. mksysmap drops every name that starts with a dollar sign.
  { rule: "$*", pattern: /^(__pi_|__kvm_nvhe_)?\$/su },
  // The linkers' range-extension stubs (scripts/mksysmap).
  { rule: "__*Thunk_*", pattern: /^__[0-9A-Za-z]*Thunk_/su },
];

/** The default filters, in the order in which they are tried. */
export const DEFAULT_FILTERS: readonly Filter[] = [
  ...globFilters([...PREFIXES, ...GENERATED_NAMES]),
  ...UNLISTED_FILTERS,
  // may_be_linker_script_provide_symbol() in scripts/kallsyms.c sorts these after their aliases.
  { rule: "__*_start", pattern: /^__.*_start$/su },
  { rule: "__*_end", pattern: /^__.*_end$/su },
];

/** The names that a run excludes. */
export interface FilterOptions {
  /** Whether DEFAULT_FILTERS apply; "text": to all symbols except data. */
  readonly defaults: boolean | "text";
  /** Globs of additional names to exclude. */
  readonly exclude: readonly string[];
  /** Globs of names to keep even if another rule excludes them. */
  readonly include: readonly string[];
}

/** Returns the rule that excludes a symbol, or undefined if none does. */
export type SymbolFilter = (name: string, isData: boolean) => string | undefined;

export function symbolFilter(options: FilterOptions): SymbolFilter {
  const filter = nameFilter({ ...options, defaults: options.defaults !== false });
  if (options.defaults !== "text") return filter;
  const ofData = nameFilter({ ...options, defaults: false });
  return (name, isData) => (isData ? ofData(name) : filter(name));
}

/** Returns a function that gives the rule that excludes a name, or undefined if none does. */
export function nameFilter(options: FilterOptions): (name: string) => string | undefined {
  const kept = options.include.map(globMatcher);
  const excluded = options.exclude.map((glob) => ({ rule: glob, matches: globMatcher(glob) }));
  const defaults = options.defaults ? DEFAULT_FILTERS : [];
  // Most names match no filter: one combined pattern finds that out with a single test.
  const anyDefault = anyOf(defaults);
  const ruleOf = (name: string) =>
    excluded.find(({ matches }) => matches(name))?.rule ??
    (anyDefault.test(name) ? defaults.find(({ pattern }) => pattern.test(name))?.rule : undefined);
  return (name) => {
    const rule = ruleOf(name);
    return rule === undefined || kept.some((matches) => matches(name)) ? undefined : rule;
  };
}

/** A pattern of the names that match any of the filters. */
function anyOf(filters: readonly Filter[]): RegExp {
  return new RegExp(filters.map(({ pattern }) => pattern.source).join("|") || "^(?!)", "su");
}

const UNLISTED = anyOf([...globFilters([...PREFIXES, "__UNIQUE_ID_modinfo_*"]), ...UNLISTED_FILTERS]);

/** Whether a symbol cannot be looked up or probed: kallsyms lacks its name, or it is the padding before a function. */
export function isUnlisted(name: string): boolean {
  return UNLISTED.test(name);
}
