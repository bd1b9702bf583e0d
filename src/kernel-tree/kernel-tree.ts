import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cannotRead, errorCode, Failure } from "../failure.ts";
import { applyPatches, type PatchedFiles, patchedPaths } from "./apply-patches.ts";
import type { KernelSeries } from "./kernel-patches.ts";

/** The path of the bundle in a kernel tree. */
export const BUNDLE_PATH = "scripts/kas-alias.mjs";

/** The name that every patch adds to the tree. */
const MARK = "KALLSYMS_ALIAS_SRCLINE";

/** The state of a kernel tree: its version, and whether it has the hook. */
export interface KernelTree {
  readonly path: string;
  /** As `make kernelversion` prints it: `6.12.117`. */
  readonly version: string;
  readonly hook: /** The series whose patches are applied, and the files without them. */
    | { readonly state: "in"; readonly series: string; readonly without: PatchedFiles }
    /** The series whose patches apply, and the files with them. */
    | { readonly state: "fits"; readonly series: string; readonly with: PatchedFiles }
    /** No patches apply: the nearest series, and the first hunk of it that fails. */
    | { readonly state: "misfit"; readonly series: string; readonly misfit: string }
    /** The tree has a hook, but from other patches: of another version, or changed. */
    | { readonly state: "other" };
}

/**
 * Checks whether a kernel tree has the hook, and if not, which series' patches apply: its own, or else the nearest.
 *
 * @param path a Linux source tree
 * @throws Failure for a directory that is not a Linux source tree, and when patch cannot be run
 */
export function inspectKernelTree(path: string, allSeries: readonly KernelSeries[]): KernelTree {
  const version = kernelVersion(path);
  const nearest = allSeries.toSorted((a, b) => distance(a.name, version) - distance(b.name, version));
  for (const { name, patches } of nearest) {
    const without = applyPatches(path, patches, true);
    if (!("misfit" in without)) return { path, version, hook: { state: "in", series: name, without } };
  }
  if (hasMark(path, allSeries)) return { path, version, hook: { state: "other" } };

  let hook: KernelTree["hook"] | undefined;
  for (const { name, patches } of nearest) {
    const files = applyPatches(path, patches, false);
    if (!("misfit" in files)) return { path, version, hook: { state: "fits", series: name, with: files } };
    hook ??= { state: "misfit", series: name, misfit: files.misfit };
  }
  if (hook === undefined) throw new Error("no patches");
  return { path, version, hook };
}

/** Whether a version belongs to a series: `6.12.117` to `6.12`. */
export function isOfSeries(version: string, series: string): boolean {
  return distance(version, series) === 0;
}

/** The number of releases between two versions; a major version has about 20. */
function distance(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split(".").map((part) => Number.parseInt(part, 10));
  const [majorB = 0, minorB = 0] = b.split(".").map((part) => Number.parseInt(part, 10));
  return Math.abs((majorA - majorB) * 20 + minorA - minorB);
}

/** The version at the start of the tree's Makefile. */
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
      "is not a Linux source tree: its Makefile has no VERSION and PATCHLEVEL",
      "give the top directory of one",
    );
  }
  return `${version}.${patchlevel}${sublevel === "" ? "" : `.${sublevel}`}${field("EXTRAVERSION")}`;
}

function hasMark(tree: string, allSeries: readonly KernelSeries[]): boolean {
  const paths = new Set(allSeries.flatMap(({ patches }) => patches.flatMap(patchedPaths)));
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
