const DOT = 0x2e;
const LLVM = [0x2e, 0x6c, 0x6c, 0x76, 0x6d, 0x2e]; // ".llvm."

/**
 * Where the stem of a name ends: the part that does not change from one build to the next.
 *
 * LLVM's ThinLTO makes a local symbol global under `<name>.llvm.<hash>` (llvm/lib/IR/ModuleSummaryIndex,
 * getGlobalNameForLocal), and the hash changes with every edit of the file. GCC numbers static variables of functions
 * and other private data `<name>.<number>` (gcc/varasm.c, ASM_FORMAT_PRIVATE_NAME), and the number changes with the
 * code before them. Suffixes that say what a function is (`.isra.0`, `.constprop.0`, `.part.0`, `.cold`) belong to
 * the stem.
 *
 * @param isData whether GCC's trailing `.<number>` is to be dropped as well
 * @returns the offset after the stem's last byte, `end` when nothing is dropped; a stem is never empty
 */
export function stemEnd(text: Uint8Array, start: number, end: number, isData: boolean): number {
  let stop = end;
  for (let at = start + 1; at + LLVM.length <= end; at++) {
    if (text[at] === DOT && isLlvmSuffix(text, at)) {
      stop = at;
      break;
    }
  }
  if (isData) {
    let at = stop;
    while (at > start && isDigit(text[at - 1] as number)) at--;
    if (at < stop && at - 1 > start && text[at - 1] === DOT) stop = at - 1;
  }
  return stop;
}

function isLlvmSuffix(text: Uint8Array, at: number): boolean {
  for (let i = 1; i < LLVM.length; i++) if (text[at + i] !== LLVM[i]) return false;
  return true;
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
