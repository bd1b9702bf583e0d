import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import tmp from "tmp";
import { errorCode, Failure, systemMessage } from "../failure.ts";

/** The result of patches on a tree's files: new contents by path, null for a file to delete. */
export type PatchedFiles = ReadonlyMap<string, Buffer | null>;

/** The reason why patches do not apply: the file and the hunk. */
export interface Misfit {
  readonly misfit: string;
}

/**
 * Applies patches to copies of a tree's files, with patch(1); the tree stays unchanged. Hunks may apply at other lines,
 * but their context must match exactly, so that reverting the patches restores the original files byte for byte.
 *
 * @param tree the directory that the paths in the patches are relative to
 * @param reverse reverts the patches, the last one first
 * @throws Failure when patch cannot be run, or the copies cannot be made
 */
export function applyPatches(
  tree: string,
  patches: readonly string[],
  reverse: boolean,
): PatchedFiles | Misfit {
  const { name: copies, removeCallback } = tmp.dirSync({ prefix: "kas-alias", unsafeCleanup: true });
  try {
    const paths = new Set(patches.flatMap(patchedPaths));
    for (const path of paths) {
      if (!existsSync(join(tree, path))) continue;
      mkdirSync(dirname(join(copies, path)), { recursive: true });
      copyFileSync(join(tree, path), join(copies, path));
    }
    for (const patch of reverse ? patches.toReversed() : patches) {
      const misfit = runPatch(copies, patch, reverse);
      if (misfit !== undefined) return { misfit };
    }
    const result = new Map<string, Buffer | null>();
    for (const path of paths) {
      const copy = join(copies, path);
      result.set(path, existsSync(copy) ? readFileSync(copy) : null);
    }
    return result;
  } catch (error) {
    if (error instanceof Failure || errorCode(error) === undefined) throw error;
    throw new Failure(
      "CANNOT_WRITE",
      tree,
      `cannot be patched: ${systemMessage(error)}`,
      "check its permissions",
    );
  } finally {
    removeCallback();
  }
}

/** The paths of the files that a patch changes, creates or deletes. */
export function patchedPaths(patch: string): string[] {
  const paths = patch.matchAll(/^(?:--- a|\+\+\+ b)\/(.+)$/gm);
  return [...new Set(Array.from(paths, ([, path = ""]) => path))];
}

/** @returns the reason why the patch does not apply, undefined when it does */
function runPatch(directory: string, patch: string, reverse: boolean): string | undefined {
  // --force asks no questions, and does not revert a patch that seems to be applied.
  const args = ["-p1", "--force", "--fuzz=0", ...(reverse ? ["--reverse"] : [])];
  const { error, status, stdout, stderr } = spawnSync("patch", args, {
    cwd: directory,
    input: patch,
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  if (error !== undefined) {
    const problem = errorCode(error) === "ENOENT" ? "no such program" : systemMessage(error);
    throw new Failure("TOOL_FAILED", "patch", problem, "install the package patch");
  }
  if (status === 0) return undefined;
  return failingHunk(stdout) ?? missingFile(directory, patch) ?? (stderr || stdout).trim();
}

/** The first hunk that patch reports as failed: `scripts/link-vmlinux.sh: hunk 3 at line 211`. */
function failingHunk(output: string): string | undefined {
  let file = "";
  for (const line of output.split("\n")) {
    file = /^patching file (.+)$/.exec(line)?.[1] ?? file;
    const hunk = /^Hunk #(\d+) FAILED at (\d+)/.exec(line);
    if (hunk !== null) return `${file}: hunk ${hunk[1]} at line ${hunk[2]}`;
  }
  return undefined;
}

function missingFile(directory: string, patch: string): string | undefined {
  const path = patchedPaths(patch).find((candidate) => !existsSync(join(directory, candidate)));
  return path && `${path}: no such file`;
}
