/** The kinds of suffixes that a compiler or linker appends to a name. */
type SuffixKind =
  /** GCC's clone with changed parameters (ipa-sra.cc), or with a constant one (ipa-cp.cc). */
  | "isra"
  | "constprop"
  /** A part of a function: `.part.N` of GCC (ipa-split.cc), `.__part.N` of LLVM's basic block sections. */
  | "part"
  /** Code that rarely runs, split off by GCC (bb-reorder.cc) or LLVM (HotColdSplitting, MachineFunctionSplitter). */
  | "cold"
  /** LLVM's clone for a constant argument (FunctionSpecialization). */
  | "specialized"
  /** Of GCC's LTO, which makes a local symbol global. */
  | "lto_priv"
  /** A number that distinguishes static locals, or with LTO static functions, of one name; it changes with the preceding code. */
  | "number"
  /** Of ThinLTO, which makes a local symbol global: `.llvm.` and a hash, or a path. */
  | "llvm"
  /** A hash of the module's exports, which LLVM appends to static functions with ThinLTO and CFI: `.` and 32 hexadecimal digits, before LLVM 13 `$`. */
  | "cfi-hash"
  /** The entry of a function in CFI's jump table, of LLVM before 16. */
  | "cfi_jt"
  /** The function itself, if its name is that of the entry. */
  | "cfi"
  /** A hash of the code, of LLVM's global merging of functions. */
  | "content"
  /** clang -funique-internal-linkage-names: a hash of the file's path. */
  | "uniq"
  /** Any other text after a dot. */
  | "other";

/** A suffix of a name, and its text, dots included. */
interface Suffix {
  readonly kind: SuffixKind;
  readonly text: string;
}

/**
 * The parts of a symbol's name: concatenated, with a dot before the variable, they give the name.
 */
export interface NameAnatomy {
  /** The mark of the padding or the type hash before a function: `__pfx_`, `__cfi_`, both, or nothing. */
  readonly prefix: string;
  /** The name in the source; for clang's static local `function.variable`, the function's. Empty only for an empty name. */
  readonly base: string;
  /** The variable of clang's `function.variable`, else null; never of a function. */
  readonly variable: string | null;
  /** In the name's order. */
  readonly suffixes: readonly Suffix[];
}

const PREFIX = /^(?:__(?:pfx|cfi)_)+(?=.)/s;
/** Whole Rust names: legacy ones contain dots and dollar signs (rustc_symbol_mangling, legacy and v0). */
const RUST = /^_ZN[\w.$]*?17h[0-9a-f]{16}E|^_R[0-9A-Z][0-9A-Za-z_]*/;
const CFI_HASH = /\$[0-9a-f]{32}$/;

/** The suffixes, tried in this order at the dot after the previous one. */
const SUFFIXES: readonly (readonly [SuffixKind, RegExp])[] = [
  ["llvm", /\.llvm\.(?:[0-9]+(?=\.|$)|.+$)/sy],
  ["uniq", /\.__uniq\.[0-9]+(?=\.|$)/y],
  ["isra", /\.isra\.[0-9]+(?=\.|$)/y],
  ["constprop", /\.constprop\.[0-9]+(?=\.|$)/y],
  ["part", /\.(?:__)?part\.[0-9]+(?=\.|$)/y],
  ["specialized", /\.specialized\.[0-9]+(?=\.|$)/y],
  ["lto_priv", /\.lto_priv\.[0-9]+(?=\.|$)/y],
  ["cold", /\.cold(?:\.[0-9]+)?(?=\.|$)/y],
  ["cfi_jt", /\.cfi_jt(?=\.|$)/y],
  ["cfi", /\.cfi(?=\.|$)/y],
  ["cfi-hash", /\.[0-9a-f]{32}(?=\.|$)/y],
  ["content", /\.content\.[0-9a-f]+(?=\.|$)/y],
  ["number", /\.[0-9]+(?=\.|$)/y],
];
const NEXT_PART = /\.[^.]*/sy;
const IDENTIFIER = /^\.[A-Za-z_]\w*$/;

/** Splits a symbol's name into its parts. */
export function anatomyOf(name: string, isData: boolean): NameAnatomy {
  const prefix = PREFIX.exec(name)?.[0] ?? "";
  const rest = name.slice(prefix.length);
  const rust = RUST.exec(rest)?.[0];
  const hash = rust === undefined ? (CFI_HASH.exec(rest)?.[0] ?? "") : "";
  const body = rest.length > hash.length ? rest.slice(0, rest.length - hash.length) : rest;
  const dot = rust === undefined ? body.indexOf(".", 1) : rust.length;
  const base = dot === -1 ? body : body.slice(0, dot);

  let variable: string | null = null;
  const suffixes: Suffix[] = [];
  for (let at = base.length; at < body.length; ) {
    const suffix = suffixAt(body, at);
    // A static local directly follows its function's name.
    const isVariable =
      isData &&
      suffix.kind === "other" &&
      variable === null &&
      suffixes.length === 0 &&
      IDENTIFIER.test(suffix.text);
    if (isVariable) variable = suffix.text.slice(1);
    else suffixes.push(suffix);
    at += suffix.text.length;
  }
  if (body !== rest) suffixes.push({ kind: "cfi-hash", text: hash });
  return { prefix, base, variable, suffixes };
}

function suffixAt(name: string, at: number): Suffix {
  for (const [kind, pattern] of SUFFIXES) {
    pattern.lastIndex = at;
    const text = pattern.exec(name)?.[0];
    if (text !== undefined) return { kind, text };
  }
  NEXT_PART.lastIndex = at;
  return { kind: "other", text: NEXT_PART.exec(name)?.[0] ?? name.slice(at) };
}

/** The suffixes that change from one build to the next. */
const UNSTABLE: ReadonlySet<SuffixKind> = new Set(["lto_priv", "cfi-hash", "content"]);

/**
 * The stem of a name: the parts that do not change from one build to the next. It is never empty.
 *
 * LLVM's ThinLTO makes a local symbol global under `<name>.llvm.<hash>` (llvm/lib/IR/ModuleSummaryIndex,
 * getGlobalNameForLocal), and the hash changes with every edit of the file. With CFI, it appends a hash of the module's
 * exports to static functions. GCC's LTO numbers the local symbols that it makes global (gcc/lto/lto-partition.cc,
 * privatize_symbol_name). GCC numbers static variables of functions and other private data `<name>.<number>`
 * (gcc/varasm.c, ASM_FORMAT_PRIVATE_NAME), and the number changes with the code before them. Suffixes that describe the
 * function (`.isra.0`, `.constprop.0`, `.part.0`, `.cold`) belong to the stem.
 */
export function stemOf(name: string, isData: boolean): string {
  if (!name.includes(".", 1) && !name.includes("$")) return name;
  const { prefix, base, variable, suffixes } = anatomyOf(name, isData);
  const llvm = suffixes.findIndex(({ kind }) => kind === "llvm");
  const kept = (llvm === -1 ? suffixes : suffixes.slice(0, llvm)).filter(({ kind }) => !UNSTABLE.has(kind));
  if (isData && kept.at(-1)?.kind === "number") kept.pop();
  const whole = variable === null ? base : `${base}.${variable}`;
  return prefix + whole + kept.map(({ text }) => text).join("");
}

const DOT = 0x2e;
const DOLLAR = 0x24;
/** ThinLTO's separator between a name and its hash. */
const LLVM_SUFFIX = ".llvm.";
/** `$` or a dot, and 32 digits. */
const CFI_HASH_BYTES = 33;

/** The suffixes that change a name from build to build and that names in a text may have. */
interface UnstableSuffixes {
  readonly llvm: boolean;
  readonly dollar: boolean;
  readonly any: boolean;
}

const suffixesOfTexts = new WeakMap<Buffer, UnstableSuffixes>();

/** Scans a listing's text, once. */
function unstableSuffixes(text: Buffer): UnstableSuffixes {
  let known = suffixesOfTexts.get(text);
  if (known === undefined) {
    const llvm = text.includes(LLVM_SUFFIX);
    const dollar = text.includes(DOLLAR);
    // LLVM appends `.content.` with ThinLTO only, as `.llvm.`.
    known = { llvm, dollar, any: llvm || dollar || text.includes(".lto_priv.") || hasCfiHash(text) };
    suffixesOfTexts.set(text, known);
  }
  return known;
}

/** Whether a name in a text has CFI's hash. A search at each dot is slow, but CFI leaves other names too: `<name>.cfi` or `.cfi_jt`. */
function hasCfiHash(text: Buffer): boolean {
  if (!text.includes(".cfi")) return false;
  for (let dot = text.indexOf(DOT); dot !== -1; dot = text.indexOf(DOT, dot + 1)) {
    if (isCfiHash(text, dot)) return true;
  }
  return false;
}

/** Whether 32 hexadecimal digits follow an offset in a text. */
function isCfiHash(text: Buffer, at: number): boolean {
  const end = at + CFI_HASH_BYTES;
  if (!isHexDigit(text[end - 1]) || !isHexDigit(text[at + 1])) return false;
  return /^[0-9a-f]{32}$/.test(text.toString("latin1", at + 1, end));
}

/** Whether any name of a listing's text has ThinLTO's suffix. */
export function hasLlvmSuffix(text: Buffer): boolean {
  return unstableSuffixes(text).llvm;
}

/** Whether stems in a listing's text may differ from the names, not considering the numbers of data symbols. */
export function hasUnstableSuffix(text: Buffer): boolean {
  return unstableSuffixes(text).any;
}

/**
 * Returns a function that decides whether the name at [start, end) of a text changes from build to build, that is, whether it
 * differs from its stem.
 */
export function instabilityFinder(text: Buffer): (start: number, end: number, isData: boolean) => boolean {
  const { any } = unstableSuffixes(text);
  return (start, end, isData) => {
    if (isData && withoutNumber(text, start, end) !== end) return true;
    if (!any) return false;
    const name = text.toString("utf8", start, end);
    return stemOf(name, isData) !== name;
  };
}

/** The part of a name that a kernel's look-up compares: the whole name, up to `.llvm.`, or up to the first dot. */
export type KallsymsNames = "exact" | "llvm" | "all";

/** Returns the offset after the last byte of a part of the name at [start, end) of a text. */
export type NameEnd = (start: number, end: number, isData: boolean) => number;

/**
 * Returns a function that finds the end of the part of each name in a text by which namesakes are counted: the part that a
 * kernel's look-up compares (docs/names.md), without the numbers of data. It returns the name's end when nothing is dropped.
 */
export function countedFinder(text: Buffer, names: KallsymsNames): NameEnd {
  const { llvm, dollar } = unstableSuffixes(text);
  return (start, end, isData) => {
    let stop = end;
    if (names === "all") {
      const dot = text.subarray(start + 1, end).indexOf(DOT);
      if (dot !== -1) return start + 1 + dot;
    } else if (names === "llvm" && llvm) {
      const suffix = text.subarray(start + 1, end).indexOf(LLVM_SUFFIX);
      if (suffix !== -1) stop = start + 1 + suffix;
    }
    if (dollar) stop = withoutCfiHash(text, start, stop);
    return isData ? withoutNumber(text, start, stop) : stop;
  };
}

/** LLVM's hash after `$`, which look-ups of the kernels with it ignore. */
function withoutCfiHash(text: Buffer, start: number, end: number): number {
  const dollar = end - CFI_HASH_BYTES;
  return dollar > start && text[dollar] === DOLLAR && isCfiHash(text, dollar) ? dollar : end;
}

function withoutNumber(text: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && isDigit(text[at - 1] ?? 0)) at--;
  return at < end && at - 1 > start && text[at - 1] === DOT ? at - 1 : end;
}

/** The part of a name that a look-up compares. */
export function comparedName(name: string, names: KallsymsNames): string {
  const text = Buffer.from(name);
  return text.toString("utf8", 0, countedFinder(text, names)(0, text.length, false));
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte = 0): boolean {
  return isDigit(byte) || (byte >= 0x61 && byte <= 0x66);
}
