/** What a compiler or linker put behind a name. */
type SuffixKind =
  /** GCC's clone with changed parameters (ipa-sra.cc), with a constant one (ipa-cp.cc), of a split function (ipa-split.cc). */
  | "isra"
  | "constprop"
  | "part"
  /** Code that hardly ever runs, split off by GCC (bb-reorder.cc) or LLVM (HotColdSplitting, MachineFunctionSplitter). */
  | "cold"
  /** LLVM's clone for a constant argument (FunctionSpecialization). */
  | "specialized"
  /** GCC's LTO, which makes a local symbol global. */
  | "lto_priv"
  /** A number that tells static locals, or with LTO static functions, of one name apart; it changes with the code before. */
  | "number"
  /** ThinLTO's, which makes a local symbol global: `.llvm.` and a hash, or a path. */
  | "llvm"
  /** `$` and 32 hexadecimal digits, which LLVM before 13 put behind static functions with ThinLTO and CFI. */
  | "cfi-hash"
  /** The entry of a function in CFI's jump table, of LLVM before 16. */
  | "cfi_jt"
  /** clang -funique-internal-linkage-names: a hash of the file's path. */
  | "uniq"
  /** Whatever else stands behind a dot. */
  | "other";

/** A part that was put behind a name, and its text, dots included. */
interface Suffix {
  readonly kind: SuffixKind;
  readonly text: string;
}

/**
 * The parts of a symbol's name: put behind one another, with a dot in front of the variable, they are the name again.
 */
export interface NameAnatomy {
  /** What marks the padding or the type hash in front of a function: `__pfx_`, `__cfi_`, both, or nothing. */
  readonly prefix: string;
  /** The name in the source; of clang's static local `function.variable` the function's. Never empty but for an empty name. */
  readonly base: string;
  /** The variable of clang's `function.variable`, else null. */
  readonly variable: string | null;
  /** In the name's order. */
  readonly suffixes: readonly Suffix[];
}

const PREFIX = /^(?:__(?:pfx|cfi)_)+(?=.)/s;
/** Rust's names, whole: legacy ones have dots and dollar signs in them (rustc_symbol_mangling, legacy and v0). */
const RUST = /^_ZN[\w.$]*?17h[0-9a-f]{16}E|^_R[0-9A-Z][0-9A-Za-z_]*/;
const CFI_HASH = /\$[0-9a-f]{32}$/;

/** The suffixes, tried in this order at the dot where the last one ended. */
const SUFFIXES: readonly (readonly [SuffixKind, RegExp])[] = [
  ["llvm", /\.llvm\.(?:[0-9]+(?=\.|$)|.+$)/sy],
  ["uniq", /\.__uniq\.[0-9]+(?=\.|$)/y],
  ["isra", /\.isra\.[0-9]+(?=\.|$)/y],
  ["constprop", /\.constprop\.[0-9]+(?=\.|$)/y],
  ["part", /\.part\.[0-9]+(?=\.|$)/y],
  ["specialized", /\.specialized\.[0-9]+(?=\.|$)/y],
  ["lto_priv", /\.lto_priv\.[0-9]+(?=\.|$)/y],
  ["cold", /\.cold(?:\.[0-9]+)?(?=\.|$)/y],
  ["cfi_jt", /\.cfi_jt(?=\.|$)/y],
  ["number", /\.[0-9]+(?=\.|$)/y],
];
const NEXT_PART = /\.[^.]*/sy;
const IDENTIFIER = /^\.[A-Za-z_]\w*$/;

/** Takes a symbol's name apart. */
export function anatomyOf(name: string): NameAnatomy {
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
    // A static local stands directly behind its function's name.
    const isVariable =
      suffix.kind === "other" && variable === null && suffixes.length === 0 && IDENTIFIER.test(suffix.text);
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

const DOT = 0x2e;
const DOLLAR = 0x24;
/** What ThinLTO puts between a name and its hash. */
const LLVM_SUFFIX = ".llvm.";
/** `$` and 32 digits. */
const CFI_HASH_BYTES = 33;

/** The suffixes that change a name on every build and that names of a text may have. */
interface UnstableSuffixes {
  readonly llvm: boolean;
  readonly cfiHash: boolean;
}

const suffixesOfTexts = new WeakMap<Buffer, UnstableSuffixes>();

/** Looks a listing's text through once. */
function unstableSuffixes(text: Buffer): UnstableSuffixes {
  let known = suffixesOfTexts.get(text);
  if (known === undefined) {
    known = { llvm: text.includes(LLVM_SUFFIX), cfiHash: text.includes(DOLLAR) };
    suffixesOfTexts.set(text, known);
  }
  return known;
}

/** Whether any name of a listing's text has ThinLTO's suffix. */
export function hasLlvmSuffix(text: Buffer): boolean {
  return unstableSuffixes(text).llvm;
}

/** Whether stems of a listing's text may be shorter than the names, numbers of data aside. */
export function hasUnstableSuffix(text: Buffer): boolean {
  const { llvm, cfiHash } = unstableSuffixes(text);
  return llvm || cfiHash;
}

/** Gives the offset behind the last byte of a part of the name at [start, end) of a text. */
export type NameEnd = (start: number, end: number, isData: boolean) => number;

/**
 * A function that tells where the stem of each name in a text ends: the part that does not change from one build to the
 * next.
 *
 * LLVM's ThinLTO makes a local symbol global under `<name>.llvm.<hash>` (llvm/lib/IR/ModuleSummaryIndex,
 * getGlobalNameForLocal), and the hash changes with every edit of the file. With CFI, LLVM before 13 put `$<hash>`
 * behind static functions. GCC numbers static variables of functions and other private data `<name>.<number>`
 * (gcc/varasm.c, ASM_FORMAT_PRIVATE_NAME), and the number changes with the code before them. Suffixes that say what a
 * function is (`.isra.0`, `.constprop.0`, `.part.0`, `.cold`) belong to the stem.
 *
 * The function gives the name's end when nothing is dropped; a stem is never empty. It takes GCC's trailing `.<number>`
 * for unstable when told that the symbol is data.
 */
export function stemFinder(text: Buffer): NameEnd {
  const withoutHash = llvmFinder(text);
  return (start, end, isData) => {
    const stop = withoutHash(start, end, isData);
    return isData ? withoutNumber(text, start, stop) : stop;
  };
}

function llvmFinder(text: Buffer): NameEnd {
  const { llvm, cfiHash } = unstableSuffixes(text);
  return (start, end) => {
    let stop = end;
    if (llvm) {
      const suffix = text.subarray(start + 1, end).indexOf(LLVM_SUFFIX);
      if (suffix !== -1) stop = start + 1 + suffix;
    }
    return cfiHash ? withoutCfiHash(text, start, stop) : stop;
  };
}

function withoutCfiHash(text: Buffer, start: number, end: number): number {
  const dollar = end - CFI_HASH_BYTES;
  if (dollar <= start || text[dollar] !== DOLLAR) return end;
  return /^[0-9a-f]+$/.test(text.toString("latin1", dollar + 1, end)) ? dollar : end;
}

function withoutNumber(text: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && isDigit(text[at - 1] ?? 0)) at--;
  return at < end && at - 1 > start && text[at - 1] === DOT ? at - 1 : end;
}

/** What a kernel's look-up by name compares: whole names, names up to `.llvm.`, or names up to their first dot. */
export type KallsymsNames = "exact" | "llvm" | "all";

/**
 * A function that tells where the part of each name in a text ends by which namesakes are counted: what a kernel's look-up
 * compares (docs/names.md), without the numbers of data.
 */
export function countedFinder(text: Buffer, names: KallsymsNames): NameEnd {
  if (names === "llvm") return stemFinder(text);
  const { cfiHash } = unstableSuffixes(text);
  return (start, end, isData) => {
    if (names === "all") {
      const dot = text.subarray(start + 1, end).indexOf(DOT);
      if (dot !== -1) return start + 1 + dot;
    }
    const stop = cfiHash ? withoutCfiHash(text, start, end) : end;
    return isData ? withoutNumber(text, start, stop) : stop;
  };
}

/** What a look-up compares of a name. */
export function comparedName(name: string, names: KallsymsNames): string {
  const text = Buffer.from(name);
  return text.toString("utf8", 0, countedFinder(text, names)(0, text.length, false));
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
