import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { cannotRead, errorCode, Failure } from "../failure.ts";
import { EDITS, type Edit, type HookPart } from "./edits.ts";

/** The path of the bundle in a kernel tree. */
export const BUNDLE_PATH = "scripts/kas-alias.mjs";

/** The series on which the hook is tested. */
export const TESTED_SERIES = ["6.1", "6.12", "7.2", "7.3"];

/** A place that the hook changes, in a tree. */
export interface Place {
  readonly edit: Edit;
  readonly state: "in" | "fits" | "misfit";
  /** Counted from 1; undefined for a misfit. */
  readonly line?: number;
  /** Why the place does not fit. */
  readonly problem?: string;
}

/** The state of a kernel tree: its version, and how the hook fits. */
export interface KernelTree {
  readonly path: string;
  /** As `make kernelversion` prints it: `6.12.117`. */
  readonly version: string;
  readonly places: readonly Place[];
  /** A line of a hook from another version of this program, or edited by hand: `init/Kconfig:5`. */
  readonly otherHook: string | undefined;
  /** The contents of the kernel's files without the hook, by path. */
  readonly originals: ReadonlyMap<string, string>;
}

/** The names that only files with a hook have. */
const MARKS = /^.*(?:KALLSYMS_ALIAS_SRCLINE|scripts\/kas-alias|\$\(module-objects\)|cmd_ld_ko_o_order).*$/m;

/**
 * Looks for the places that the hook changes.
 *
 * @param path a Linux source tree
 * @throws Failure for a directory that is not a Linux source tree
 */
export function inspectKernelTree(path: string): KernelTree {
  const version = kernelVersion(path);
  const originals = new Map<string, string>();
  const places = EDITS.map((edit): Place => {
    const text = originals.get(edit.file) ?? readIfThere(path, edit.file);
    if (text === undefined) return { edit, state: "misfit", problem: "does not exist" };
    const without = withoutEdit(text, edit);
    originals.set(edit.file, without);
    const [match, ...more] = without.matchAll(edit.from);
    if (match === undefined) return { edit, state: "misfit", problem: `has no \`${edit.anchor}\`` };
    if (more.length > 0)
      return { edit, state: "misfit", problem: `has \`${edit.anchor}\` ${more.length + 1} times` };
    const line = without.slice(0, match.index).split("\n").length;
    return { edit, state: without === text ? "fits" : "in", line };
  });
  return {
    path,
    version,
    places,
    otherHook: otherHookIn(path, originals),
    originals,
  };
}

/** The state of a part of the hook: it is in, or can be, or does not fit. */
export function partState({ places }: KernelTree, part: HookPart): Place["state"] {
  const states = places.filter(({ edit }) => edit.part === part).map(({ state }) => state);
  if (states.includes("misfit")) return "misfit";
  return states.includes("fits") ? "fits" : "in";
}

/** The contents of the kernel's files with parts of the hook, by path. */
export function editedFiles({ originals }: KernelTree, parts: readonly HookPart[]): Map<string, string> {
  const files = new Map(originals);
  for (const edit of EDITS) {
    const text = files.get(edit.file);
    if (text !== undefined && parts.includes(edit.part))
      files.set(edit.file, text.replace(edit.from, edit.to));
  }
  return files;
}

/** The first line that only a hook has, among the contents without this one. */
function otherHookIn(path: string, originals: ReadonlyMap<string, string>): string | undefined {
  for (const [file, text] of originals) {
    const [mark] = MARKS.exec(text) ?? [];
    if (mark === undefined) continue;
    const lines = readIfThere(path, file)?.split("\n") ?? [];
    return `${file}:${lines.lastIndexOf(mark) + 1}`;
  }
  return undefined;
}

/** The text before an edit; the text itself if it does not have the edit. */
function withoutEdit(text: string, { from, to, undo, back }: Edit): string {
  const without = text.replace(undo, back);
  return without.replace(from, to) === text ? without : text;
}

/** Whether the hook is tested on the series of a version: `6.12.117` is of 6.12. */
export function isTested(version: string): boolean {
  return TESTED_SERIES.some((series) => version === series || version.startsWith(`${series}.`));
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

/** A regular file's content, a character per byte; undefined if it does not exist. */
function readIfThere(tree: string, path: string): string | undefined {
  try {
    const file = join(tree, path);
    return statSync(file).isFile() ? readFileSync(file, "latin1") : undefined;
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw cannotRead(join(tree, path), error);
  }
}
