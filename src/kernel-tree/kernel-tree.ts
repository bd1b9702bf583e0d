import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cannotRead, errorCode, Failure } from "../failure.ts";
import { applyPatches, type PatchedFiles, patchedPaths } from "./apply-patches.ts";
import type { KernelSeries } from "./kernel-patches.ts";

/** Where the bundle goes in a kernel tree. */
export const BUNDLE_PATH = "scripts/kas-alias.mjs";

/** The name that every patch brings into the tree. */
const MARK = "KALLSYMS_ALIAS_SRCLINE";

/** What there is to know of a kernel tree and the hook. */
export interface KernelTree {
  readonly path: string;
  /** As `make kernelversion`: `6.12.117`. */
  readonly version: string;
  readonly hook: /** The series whose patches are in, and the files as they are without them. */
    | { readonly state: "in"; readonly series: string; readonly without: PatchedFiles }
    /** The series whose patches apply, and the files with them. */
    | { readonly state: "fits"; readonly series: string; readonly with: PatchedFiles }
    /** Of the nearest series, the hunk that fails. */
    | { readonly state: "misfit"; readonly series: string; readonly misfit: string }
    /** It has a hook, but not these patches: those of another version, or with changes. */
    | { readonly state: "other" };
}

/**
 * Finds out whether the hook is in a kernel tree, and if not, which series' patches apply: its own, else the nearest.
 *
 * @param path a Linux source tree
 * @throws Failure for a directory that is no Linux source tree, and when patch cannot be run
 */
export function inspectKernelTree(path: string, serieses: readonly KernelSeries[]): KernelTree {
  const version = kernelVersion(path);
  const nearest = serieses.toSorted((a, b) => distance(a.name, version) - distance(b.name, version));
  for (const { name, patches } of nearest) {
    const without = applyPatches(path, patches, true);
    if (!("misfit" in without)) return { path, version, hook: { state: "in", series: name, without } };
  }
  if (hasMark(path, serieses)) return { path, version, hook: { state: "other" } };

  let hook: KernelTree["hook"] | undefined;
  for (const { name, patches } of nearest) {
    const files = applyPatches(path, patches, false);
    if (!("misfit" in files)) return { path, version, hook: { state: "fits", series: name, with: files } };
    hook ??= { state: "misfit", series: name, misfit: files.misfit };
  }
  if (hook === undefined) throw new Error("no patches");
  return { path, version, hook };
}

/** Whether a version is one of a series: `6.12.117` of `6.12`. */
export function isOfSeries(version: string, series: string): boolean {
  return distance(version, series) === 0;
}

/** How many releases lie between two versions; a major version has about 20. */
function distance(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split(".").map((part) => Number.parseInt(part, 10));
  const [majorB = 0, minorB = 0] = b.split(".").map((part) => Number.parseInt(part, 10));
  return Math.abs((majorA - majorB) * 20 + minorA - minorB);
}

/** The version that the tree's Makefile begins with. */
function kernelVersion(tree: string): string {
  const makefile = readIfThere(tree, "Makefile");
  if (makefile === undefined && !existsSync(tree)) {
    throw new Failure("CANNOT_READ", tree, "cannot be read: no such file or directory", "check the path");
  }
  const field = (name: string) =>
    new RegExp(`^${name} *=[ \\t]*(.*)$`, "m").exec(makefile ?? "")?.[1]?.trim() ?? "";
  const [version, patchlevel, sublevel] = [field("VERSION"), field("PATCHLEVEL"), field("SUBLEVEL")];
  if (!/^\d+$/.test(version) || !/^\d+$/.test(patchlevel)) {
    throw new Failure(
      "WRONG_KIND",
      tree,
      "is no Linux source tree: its Makefile has no VERSION and PATCHLEVEL",
      "name the top of one",
    );
  }
  return `${version}.${patchlevel}${sublevel === "" ? "" : `.${sublevel}`}${field("EXTRAVERSION")}`;
}

function hasMark(tree: string, serieses: readonly KernelSeries[]): boolean {
  const paths = new Set(serieses.flatMap(({ patches }) => patches.flatMap(patchedPaths)));
  return [...paths].some((path) => readIfThere(tree, path)?.includes(MARK));
}

function readIfThere(tree: string, path: string): string | undefined {
  try {
    return readFileSync(join(tree, path), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw cannotRead(join(tree, path), error);
  }
}
