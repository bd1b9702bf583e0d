import { createHash } from "node:crypto";
import type { KallsymsNames } from "../symbols/name-anatomy.ts";

/** The source location of a symbol, as its alias gives it. Paths are relative to the source root. */
export interface Place {
  /** The source file, or the STT_FILE name where there is no debug information. */
  readonly file: string;
  /** The line in it, from 1; null when only an STT_FILE name is known. */
  readonly line: number | null;
  /** The compilation unit's primary source file; null when it is unknown. */
  readonly unit: string | null;
}

export interface NamingOptions {
  /** The character between an alias's parts. */
  readonly separator: string;
  /** Whether the unit, and an ordinal where needed, make aliases unique. */
  readonly disambiguate: boolean;
  /** KSYM_NAME_LEN: every alias is shorter than this, in bytes. */
  readonly maxNameLength: number;
  /** The part of a name that the kernel's look-ups compare; if it ends at the first dot, aliases contain no dot. */
  readonly kallsymsNames: KallsymsNames;
}

const FORBIDDEN_SEPARATORS = "_.$+-:%/#=*?\\'\"`";

/** The reason to refuse a separator: it would make aliases ambiguous, or unusable in kprobe_events, shells and globs. */
export function separatorFault(separator: string): string | undefined {
  if (
    /^[!-~]$/.test(separator) &&
    !/[0-9A-Za-z]/.test(separator) &&
    !FORBIDDEN_SEPARATORS.includes(separator)
  ) {
    return undefined;
  }
  return "Give one printable character that is not a letter, digit, quote or backslash, nor one of _ . $ + - : % / # = * ?";
}

/** A cache by path, since many symbols share a path. */
const mangled = new Map<string, string>();

/** Replaces every character but ASCII letters and digits with `_`: `drivers/rtc/sysfs.c` → `drivers_rtc_sysfs_c`. */
export function mangle(path: string): string {
  let result = mangled.get(path);
  if (result === undefined) {
    result = path.replace(/[^0-9A-Za-z]/gu, "_");
    mangled.set(path, result);
  }
  return result;
}

/**
 * The stem as it appears in an alias. Characters that kprobe_events would parse, white space, control characters and the
 * separator become `_`; so do dots if the kernel's look-up stops at the first dot.
 */
export function aliasStem(
  stem: string,
  { separator, kallsymsNames }: Pick<NamingOptions, "separator" | "kallsymsNames">,
): string {
  const kept = stem.replace(/[+\-:%/#=\s\p{Cc}]/gu, "_").replaceAll(separator, "_");
  return kallsymsNames === "all" ? kept.replaceAll(".", "_") : kept;
}

/**
 * The alias of a symbol: `<stem>@<place>`, then `@<unit>` when the place is outside the unit's primary source file.
 * It depends only on the symbol itself.
 *
 * @param reserved bytes to leave free for an ordinal
 * @returns null when not even the stem, a hash and the line fit
 * @example
 * const place = { file: "drivers/rtc/sysfs.c", line: 26, unit: "drivers/rtc/sysfs.c" };
 * const options = { separator: "@", disambiguate: true, maxNameLength: KSYM_NAME_LEN, kallsymsNames: "exact" };
 * console.log(aliasName("name_show", place, options)); // name_show@drivers_rtc_sysfs_c_26
 */
export function aliasName(stem: string, place: Place, options: NamingOptions, reserved = 0): string | null {
  const unit = carriesUnit(place, options) ? place.unit : null;
  return joinWithin(aliasStem(stem, options), place, unit, options, reserved);
}

/** Whether an alias includes the unit; its plain form never does. */
export function carriesUnit(place: Place, { disambiguate }: Pick<NamingOptions, "disambiguate">): boolean {
  return disambiguate && place.unit !== null && place.unit !== place.file;
}

/** The alias without unit, as `--no-disambiguate` writes it. */
export function plainAlias(stem: string, place: Place, options: NamingOptions): string | null {
  return joinWithin(aliasStem(stem, options), place, null, options, 0);
}

/**
 * Joins an alias's parts, and shortens a result that is too long: it drops path components from the left, first of the
 * unit and then of the place, and replaces them with six hexadecimal digits of the full alias's SHA-256.
 */
function joinWithin(
  stem: string,
  place: Place,
  unit: string | null,
  options: NamingOptions,
  reserved: number,
): string | null {
  const { separator } = options;
  const line = place.line === null ? "" : `_${place.line}`;
  const join = (path: string, unitPath: string | null) =>
    `${stem}${separator}${mangle(path)}${line}${unitPath === null ? "" : separator + mangle(unitPath)}`;
  const room = options.maxNameLength - 1 - reserved;
  const full = join(place.file, unit);
  if (Buffer.byteLength(full) <= room) return full;

  const hash = createHash("sha256").update(full).digest("hex").slice(0, 6);
  const fits = (alias: string) => Buffer.byteLength(alias) <= room;
  for (const tail of unit === null ? [] : tails(unit, hash, room)) {
    const short = join(place.file, tail);
    if (fits(short)) return short;
  }
  for (const tail of tails(place.file, hash, room)) {
    const short = join(tail, null);
    if (fits(short)) return short;
  }
  return null;
}

/** A path with more and more of its first components replaced by a hash, from the longest that can fit in a number of bytes on. */
function* tails(path: string, hash: string, room: number): Generator<string> {
  const components = path.split("/");
  let rest = path.length;
  for (const [dropped, component] of components.entries()) {
    rest -= component.length + 1;
    // A character that `mangle` replaces by one byte has at most two UTF-16 units.
    if (rest <= 2 * room) yield [hash, ...components.slice(dropped + 1)].join("/");
  }
}
