// The trees contain the lines that the patches' hunks need; git gives the expected result of a patch. Real trees are patched in
// test/boot.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { kasAlias, PROGRAM } from "../commands/program.ts";
import { defined } from "../defined.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const PATCHES = fileURLToPath(new URL("../../scripts/kernel", import.meta.url));
const SERIES = readdirSync(PATCHES).filter((name) => statSync(join(PATCHES, name)).isDirectory());
const directory = temporaryDirectory();
let trees = 0;

const patchFiles = (series: string) =>
  readdirSync(join(PATCHES, series)).map((name) => join(PATCHES, series, name));

interface Hunk {
  readonly oldStart: number;
  readonly oldLines: string[];
  readonly newStart: number;
  readonly newLength: number;
}

/** The hunks of a patch, by the path of the file that they change. */
function hunksOf(patch: string): Map<string, Hunk[]> {
  const files = new Map<string, Hunk[]>();
  let hunks: Hunk[] = [];
  let left = 0;
  for (const line of readFileSync(patch, "utf8").split("\n")) {
    const path = /^--- (?:a\/)?(.*)$/.exec(line)?.[1];
    const [, oldStart, oldLength, newStart, newLength] =
      /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? /.exec(line) ?? [];
    if (path !== undefined && left <= 0) {
      hunks = [];
      if (path !== "/dev/null") files.set(path, hunks);
    } else if (oldStart !== undefined) {
      left = Number(oldLength ?? 1);
      const lengths = { newStart: Number(newStart), newLength: Number(newLength ?? 1) };
      hunks.push({ oldStart: Number(oldStart), oldLines: [], ...lengths });
    } else if (left > 0 && /^[ -]/.test(line)) {
      hunks.at(-1)?.oldLines.push(line.slice(1));
      left--;
    }
  }
  return files;
}

/** Known lines of a file before a patch, by line number: those known after the patch, and those that its hunks need. */
function linesBefore(after: ReadonlyMap<number, string>, hunks: readonly Hunk[]): Map<number, string> {
  const before = new Map<number, string>();
  for (const [line, text] of after) {
    const above = hunks.filter(({ newStart }) => newStart <= line);
    const within = above.some(({ newStart, newLength }) => line < newStart + newLength);
    const shift = above.reduce((sum, { oldLines, newLength }) => sum + oldLines.length - newLength, 0);
    if (!within) before.set(line + shift, text);
  }
  for (const { oldStart, oldLines } of hunks) {
    oldLines.forEach((text, i) => {
      before.set(oldStart + i, text);
    });
  }
  return before;
}

/** A tree that a series' patches are for; `shift` lines are put on top of each file. */
function treeFor(series: string, version = `${series}.7`, shift = 0): string {
  const tree = join(directory, String(++trees));
  const files = new Map<string, Map<number, string>>();
  for (const patch of patchFiles(series).toReversed()) {
    for (const [path, hunks] of hunksOf(patch)) {
      files.set(path, linesBefore(files.get(path) ?? new Map(), hunks));
    }
  }
  const [major, minor, sublevel] = version.split(".");
  const head = `VERSION = ${major}\nPATCHLEVEL = ${minor}\nSUBLEVEL = ${sublevel ?? ""}\nEXTRAVERSION =\nNAME = X`;
  const makefile = defined(files.get("Makefile"), `Makefile in the patches for ${series}`);
  head.split("\n").forEach((text, i) => {
    makefile.set(i + 1, text);
  });
  for (const [path, known] of files) {
    const last = Math.max(...known.keys());
    const lines = Array.from({ length: last }, (_, i) => known.get(i + 1) ?? `# line ${i + 1}`);
    lines.unshift(...Array.from({ length: shift }, (_, i) => `# more ${i}`));
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), `${lines.join("\n")}\n`);
  }
  chmodSync(join(tree, "scripts/link-vmlinux.sh"), 0o755);
  return tree;
}

const git = (tree: string, ...args: string[]) =>
  tool("git", ["-C", tree, "-c", "user.name=t", "-c", "user.email=t@t", ...args]).toString();

/** All files below a directory, with their modes and contents. */
function contents(tree: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile())
      found.set(path.slice(tree.length), `${statSync(path).mode} ${readFileSync(path, "latin1")}`);
  }
  return found;
}

function run(command: string, tree: string) {
  const { status, stdout, stderr } = kasAlias(["kernel", command, tree]);
  return { status, stdout, stderr: stderr.replaceAll(tree, "TREE") };
}

const QUIET = { status: 0, stdout: "", stderr: "" };

test("there are patches for 6.1 and 6.12", () => {
  expect(SERIES).toEqual(["6.1", "6.12"]);
});

describe.each(SERIES)("a tree of %s", (series) => {
  test("is patched as by git apply, and gets this program", () => {
    const tree = treeFor(series);
    const expected = join(directory, `${trees}-git`);
    cpSync(tree, expected, { recursive: true });
    expect(run("install", tree)).toEqual(QUIET);
    tool("git", ["-C", expected, "apply", ...patchFiles(series)]);
    cpSync(PROGRAM, join(expected, "scripts/kas-alias.mjs"));
    chmodSync(join(expected, "scripts/kas-alias.mjs"), statSync(join(tree, "Makefile")).mode);
    expect(contents(tree)).toEqual(contents(expected));
  });

  test("is the same after a second install, also for make", () => {
    const tree = treeFor(series);
    run("install", tree);
    const times = () => [...contents(tree).keys()].map((path) => statSync(tree + path).mtimeMs);
    const before = times();
    expect(run("install", tree)).toEqual(QUIET);
    expect(times()).toEqual(before);
  });

  test("is restored by remove, without git", () => {
    const tree = treeFor(series, undefined, 5);
    const before = contents(tree);
    run("install", tree);
    expect(contents(tree)).not.toEqual(before);
    expect(run("remove", tree)).toEqual(QUIET);
    expect(contents(tree)).toEqual(before);
    expect(run("remove", tree)).toEqual(QUIET);
    expect(contents(tree)).toEqual(before);
  });

  test("is restored by remove, for git", () => {
    const tree = treeFor(series);
    git(tree, "init", "-q");
    git(tree, "add", "-A");
    git(tree, "commit", "-qm", "base");
    run("install", tree);
    expect(git(tree, "status", "--porcelain")).toContain("?? scripts/kas-alias.mjs");
    run("remove", tree);
    expect(git(tree, "diff")).toBe("");
    expect(git(tree, "status", "--porcelain")).toBe("");
  });

  test("keeps its own changes", () => {
    const tree = treeFor(series);
    const path = join(tree, "scripts/link-vmlinux.sh");
    const before = readFileSync(path, "utf8");
    run("install", tree);
    writeFileSync(path, `# mine\n${readFileSync(path, "utf8")}`);
    run("remove", tree);
    expect(readFileSync(path, "utf8")).toBe(`# mine\n${before}`);
  });

  test("reports its status", () => {
    const tree = treeFor(series);
    const status = () => run("status", tree);
    const told = (hook: string) => ({
      status: 0,
      stdout: `version: ${series}.7\nhook: ${hook}\n`,
      stderr: "",
    });
    expect(status()).toEqual(told(`not in; the patches for ${series} apply`));
    const before = contents(tree);
    run("install", tree);
    expect(status()).toEqual(told(`in, by the patches for ${series}`));
    writeFileSync(join(tree, "scripts/kas-alias.mjs"), "other");
    expect(status()).toEqual(
      told(`in, by the patches for ${series}; scripts/kas-alias.mjs is another version`),
    );
    rmSync(join(tree, "scripts/kas-alias.mjs"));
    expect(status()).toEqual(told(`in, by the patches for ${series}; scripts/kas-alias.mjs is missing`));
    expect(run("install", tree)).toEqual(QUIET);
    expect(status()).toEqual(told(`in, by the patches for ${series}`));
    run("remove", tree);
    expect(contents(tree)).toEqual(before);
  });

  test("is refused and unchanged if a hunk does not apply", () => {
    const tree = treeFor(series);
    const path = join(tree, "scripts/link-vmlinux.sh");
    const patch = readFileSync(defined(patchFiles(series)[0], `patch for ${series}`), "utf8");
    const last = [...patch.matchAll(/^@@ -(\d+)/gm)].at(-1)?.[1];
    expect(last).toBeDefined();
    const hunks = patch.slice(patch.indexOf("+++ b/scripts/link-vmlinux.sh")).match(/^@@ /gm)?.length;
    writeFileSync(path, readFileSync(path, "utf8").replace('echo "vmlinux: $0"', 'echo "image: $0"'));
    const before = contents(tree);
    const why = `the patches for ${series} do not apply: scripts/link-vmlinux.sh: hunk ${hunks} at line ${last}`;
    const { status, stdout, stderr } = run("install", tree);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.replace(/at line \d+/, `at line ${last}`)).toBe(
      `kas-alias: TREE: is Linux ${series}.7; ${why}; port them as docs/kernel-integration.md explains\n`,
    );
    expect(contents(tree)).toEqual(before);
    expect(run("status", tree).stdout).toContain(`hook: not in; the patches for ${series} do not apply: `);
  });
});

test("an unknown version gets the patches of the nearest series, with a message", () => {
  for (const [version, series] of [
    ["5.15.3", "6.1"],
    ["6.4.1", "6.1"],
    ["6.11.0", "6.12"],
    ["7.0.1", "6.12"],
  ] as const) {
    const tree = treeFor(series, version);
    expect(run("install", tree)).toEqual({
      ...QUIET,
      stderr: `kas-alias: TREE: is Linux ${version}; the patches for ${series} apply\n`,
    });
  }
  // Where those do not apply, others may.
  const tree = treeFor("6.12", "6.5.1");
  expect(run("status", tree).stdout).toBe("version: 6.5.1\nhook: not in; the patches for 6.12 apply\n");
});

test("hunks apply at other line numbers, but not with other context", () => {
  const tree = treeFor("6.12", "6.12.7", 40);
  expect(run("install", tree)).toEqual(QUIET);
  const fuzzy = treeFor("6.12");
  const path = join(fuzzy, "init/Kconfig");
  writeFileSync(
    path,
    readFileSync(path, "utf8").replace("Say N unless you really", "Say Y unless you really"),
  );
  expect(run("status", fuzzy).stdout).toMatch(/do not apply: init\/Kconfig: hunk 1 at line \d+\n$/);
});

test("the target of a symbolic link is patched, not the link", () => {
  const tree = treeFor("6.12");
  const real = join(directory, "real-Kconfig");
  cpSync(join(tree, "init/Kconfig"), real);
  rmSync(join(tree, "init/Kconfig"));
  symlinkSync(real, join(tree, "init/Kconfig"));
  run("install", tree);
  expect(readFileSync(real, "utf8")).toContain("config KALLSYMS_ALIAS_SRCLINE\n");
});

describe("refused with one line is", () => {
  const failure = (command: string, tree: string) => {
    const { status, stdout, stderr } = run(command, tree);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    return stderr;
  };

  test("a directory that is not a Linux tree", () => {
    const tree = join(directory, "empty");
    mkdirSync(tree);
    const words =
      "is not a Linux source tree: its Makefile has no VERSION and PATCHLEVEL; give the top directory of one";
    for (const command of ["status", "install", "remove"]) {
      expect(failure(command, tree)).toBe(`kas-alias: TREE: ${words}\n`);
      expect(failure(command, join(tree, "missing"))).toContain(
        "cannot be read: no such file or directory; check the path",
      );
    }
  });

  test("a tree without a file to be patched", () => {
    const tree = treeFor("6.12");
    rmSync(join(tree, "init/Kconfig"));
    expect(failure("install", tree)).toContain("do not apply: init/Kconfig: no such file; ");
  });

  test("a tree with another hook", () => {
    const tree = treeFor("6.12");
    run("install", tree);
    const path = join(tree, "scripts/link-vmlinux.sh");
    writeFileSync(path, readFileSync(path, "utf8").replaceAll("alias_srcline", "other_srcline"));
    const before = contents(tree);
    const words = "has a hook from another kas-alias or from changed patches; ";
    const advice = "remove it first with node TREE/scripts/kas-alias.mjs kernel remove TREE\n";
    expect(failure("install", tree)).toBe(`kas-alias: TREE: ${words}${advice}`);
    expect(failure("remove", tree)).toBe(`kas-alias: TREE: ${words}${advice}`);
    expect(run("status", tree).stdout).toContain("hook: in, but not by these patches");
    expect(contents(tree)).toEqual(before);
  });

  test("a system without patch", () => {
    const tree = treeFor("6.12");
    const command = ["-i", "PATH=/nowhere", process.execPath, PROGRAM, "kernel", "install", tree];
    expect(() => tool("env", command)).toThrow(
      "kas-alias: patch: no such program; install the package patch\n",
    );
  });
});
