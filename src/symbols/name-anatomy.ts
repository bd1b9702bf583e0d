const DOT = 0x2e;
/** What ThinLTO puts between a name and its hash. */
const LLVM_SUFFIX = ".llvm.";

const textsWithLlvm = new WeakMap<Buffer, boolean>();

/** Whether any name of a listing's text has ThinLTO's suffix; the text is looked through once. */
export function hasLlvmSuffix(text: Buffer): boolean {
  const known = textsWithLlvm.get(text) ?? text.includes(LLVM_SUFFIX);
  textsWithLlvm.set(text, known);
  return known;
}

/** Tells where the stem of a name ends. */
export type StemEnd = (start: number, end: number, isData: boolean) => number;

/**
 * A function that tells where the stem of each name in a text ends: the part that does not change from one build to the
 * next.
 *
 * LLVM's ThinLTO makes a local symbol global under `<name>.llvm.<hash>` (llvm/lib/IR/ModuleSummaryIndex,
 * getGlobalNameForLocal), and the hash changes with every edit of the file. GCC numbers static variables of functions
 * and other private data `<name>.<number>` (gcc/varasm.c, ASM_FORMAT_PRIVATE_NAME), and the number changes with the
 * code before them. Suffixes that say what a function is (`.isra.0`, `.constprop.0`, `.part.0`, `.cold`) belong to
 * the stem.
 *
 * The function gives the offset after the stem's last byte, the name's end when nothing is dropped; a stem is never
 * empty. It takes GCC's trailing `.<number>` for unstable when told that the symbol is data.
 */
export function stemFinder(text: Buffer): StemEnd {
  const anyLlvm = hasLlvmSuffix(text);
  return (start, end, isData) => {
    let stop = end;
    if (anyLlvm) {
      const suffix = text.subarray(start + 1, end).indexOf(LLVM_SUFFIX);
      if (suffix !== -1) stop = start + 1 + suffix;
    }
    if (isData) {
      let at = stop;
      while (at > start && isDigit(text[at - 1] as number)) at--;
      if (at < stop && at - 1 > start && text[at - 1] === DOT) stop = at - 1;
    }
    return stop;
  };
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Text symbols, local and global: `t` and `T`. */
export function isText(type: number): boolean {
  return (type | 0x20) === 0x74;
}

/** Data symbols: `b d r` and their global forms, and `v`, `V` (weak objects). */
export function isData(type: number): boolean {
  const letter = type | 0x20;
  return letter === 0x62 || letter === 0x64 || letter === 0x72 || letter === 0x76;
}
