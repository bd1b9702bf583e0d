// How kernels show, match and live-patch names that compilers have changed; docs/names.md gives the kernel sources.
import type { KallsymsNames } from "./name-anatomy.ts";

/** The values of `--kallsyms-names`. */
export const KALLSYMS_NAMES: readonly KallsymsNames[] = ["exact", "llvm", "all"];

export function isKallsymsNames(value: unknown): value is KallsymsNames {
  return KALLSYMS_NAMES.some((names) => names === value);
}

/** The known facts about a kernel; null or undefined for unknown ones. */
export interface KernelFacts {
  /** The release, as `uname -r`: `6.1.0-56-cloud-amd64`. */
  readonly release: string | null;
  /** linux_banner, which gives the compiler, and Debian's and Ubuntu's stable version. */
  readonly banner: string | null;
  /** The content of its configuration file. */
  readonly config: () => string | undefined;
  /** Whether any symbol has ThinLTO's suffix. */
  readonly hasLlvmSuffix: boolean;
}

type Version = readonly [major: number, minor: number, patch: number];

/** The first version with a change, in each stable series and in mainline. */
type Since = readonly Version[];

/** kallsyms: Match symbols exactly with CONFIG_LTO_CLANG (fb6a421fb615). */
const EXACT: Since = [
  [6, 10, 7],
  [6, 11, 0],
];
/** kallsyms: strip LTO-only suffixes from promoted global functions (8cc32a9bbff2). */
const LLVM_ONLY: Since = [
  [6, 1, 42],
  [6, 4, 7],
  [6, 5, 0],
];
/** kallsyms: strip LTO suffixes from static functions (6eb4bd92c1ce). */
const AT_FIRST_DOT: Since = [[5, 16, 0]];
/** livepatch: Improve the search performance of klp_find_object_symbol() (4f1354d5c69d). */
const LIVE_PATCHES_LOOK_UP: Since = [[6, 2, 0]];

/**
 * The part of a name that a kernel's look-ups compare (kprobes, kallsyms_lookup_name).
 *
 * Without CONFIG_LTO_CLANG, whole names are compared. ThinLTO's suffixes in names, or the configuration, show that a kernel has
 * it. If the kernel's release is unknown, those suffixes alone decide.
 */
export function lookUpNames(facts: KernelFacts): KallsymsNames {
  const { release, banner, hasLlvmSuffix } = facts;
  const version = versionOf(release, banner);
  if (version === undefined) return hasLlvmSuffix ? "llvm" : "exact";
  if (has(version, EXACT) || !(hasLlvmSuffix || hasLtoClang(facts))) return "exact";
  if (has(version, LLVM_ONLY)) return "llvm";
  return has(version, AT_FIRST_DOT) ? "all" : "exact";
}

/**
 * The part of a name that live patches compare: the whole name up to 6.1, which walks all symbols (klp_find_object_symbol,
 * kallsyms_on_each_symbol); since then the same part as other look-ups.
 */
export function livePatchNames(names: KallsymsNames, release: string | null): KallsymsNames {
  const version = versionOf(release, null);
  return version === undefined || has(version, LIVE_PATCHES_LOOK_UP) ? names : "exact";
}

/** A name that vmlinux has is looked up there alone (kernel/trace/trace_kprobe.c, number_of_same_symbols()). */
const VMLINUX_FIRST: Since = [[7, 2, 0]];

/** Whether a kernel's probes count the namesakes in all modules for a name of vmlinux. For an unknown release, they do. */
export function probesCountModules(release: string | null): boolean {
  const version = versionOf(release, null);
  return version === undefined || !has(version, VMLINUX_FIRST);
}

/** kallsyms: increase maximum kernel symbol length to 512 (b8a94bfb3395). */
const LONG_NAMES: Since = [[6, 1, 0]];

/** KSYM_NAME_LEN since 6.1 (include/linux/kallsyms.h): every name is shorter. */
export const KSYM_NAME_LEN = 512;
const OLD_KSYM_NAME_LEN = 128;

/** KSYM_NAME_LEN of a kernel; for an unknown release, that of new kernels. */
export function nameLengthLimit(release: string | null): number {
  const version = versionOf(release, null);
  return version === undefined || has(version, LONG_NAMES) ? KSYM_NAME_LEN : OLD_KSYM_NAME_LEN;
}

function hasLtoClang({ banner, config }: KernelFacts): boolean {
  const byGcc = /^Linux version \S+ \(.*?\) \([^)]*\bgcc/.test(banner ?? "");
  return !byGcc && /^CONFIG_LTO_CLANG=y$/m.test(config() ?? "");
}

function has(version: Version, since: Since): boolean {
  const last = since.at(-1);
  return (
    (last !== undefined && isFrom(version, last)) ||
    since.some((first) => sameSeries(version, first) && isFrom(version, first))
  );
}

const sameSeries = (a: Version, b: Version) => a[0] === b[0] && a[1] === b[1];

function isFrom(version: Version, first: Version): boolean {
  const [difference = 0] = version.map((part, i) => part - (first[i] ?? 0)).filter((each) => each !== 0);
  return difference >= 0;
}

/** A distribution's release hides its stable number (6.1.0-56); the banner has the real one (6.1.192). */
function versionOf(release: string | null, banner: string | null): Version | undefined {
  const numbers = /^([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,6}))?/.exec(release ?? "");
  if (numbers === null) return undefined;
  const [, major, minor, patch] = numbers;
  const others = (banner ?? "").matchAll(new RegExp(`(?<![0-9.])${major}\\.${minor}\\.([0-9]{1,6})`, "g"));
  const patches = [Number(patch ?? 0), ...Array.from(others, ([, other]) => Number(other))];
  return [Number(major), Number(minor), Math.max(...patches)];
}
