// The hook in trees of a few lines. test/boot builds and boots kernels with it.
import {
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
import { contents, replaceIn, SERIES, treeFiles, writeTree } from "./trees.ts";

const FILES = fileURLToPath(new URL("../../scripts/kernel", import.meta.url));
const directory = temporaryDirectory();
let trees = 0;

function treeFor(series: string, version?: string): string {
  const tree = join(directory, String(++trees));
  writeTree(tree, treeFiles(series, version));
  return tree;
}

const git = (tree: string, ...args: string[]) =>
  tool("git", ["-C", tree, "-c", "user.name=t", "-c", "user.email=t@t", ...args]).toString();

function run(command: string, tree: string) {
  const { status, stdout, stderr } = kasAlias(["kernel", command, tree]);
  return { status, stdout, stderr: stderr.replaceAll(tree, "TREE") };
}

const QUIET = { status: 0, stdout: "", stderr: "" };
const PLACES = 6;
const SHELL = `\${CONFIG_SHELL} "\${srctree}/scripts/kas-alias/kas-alias.sh"`;

describe.each(SERIES)("a tree of %s", (series) => {
  test("gets six changed places, the hook's files and this program, and nothing else", () => {
    const tree = treeFor(series);
    const before = contents(tree);
    expect(run("install", tree)).toEqual(QUIET);
    const after = contents(tree);
    const added = [...after.keys()].filter((path) => !before.has(path)).sort();
    const own = readdirSync(join(FILES, "scripts"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(FILES.length + 1));
    expect(added).toEqual([...own, "scripts/kas-alias.mjs"].sort());
    expect(readFileSync(join(tree, "scripts/kas-alias.mjs")).equals(readFileSync(PROGRAM))).toBe(true);
    for (const path of own)
      expect(readFileSync(join(tree, path), "utf8")).toBe(readFileSync(join(FILES, path), "utf8"));

    const changed = [...before.keys()].filter((path) => before.get(path) !== after.get(path)).sort();
    const modified = ["Makefile", "init/Kconfig", "scripts/Makefile.modfinal", "scripts/link-vmlinux.sh"];
    expect(changed).toEqual(modified);
    const text = (path: string) => defined(after.get(path), path);
    expect(text("init/Kconfig")).toContain('\n\nsource "scripts/kas-alias/Kconfig"\n\nconfig KALLSYMS_ALL\n');
    expect(text("Makefile")).toContain(
      "kasan\n\ninclude-y\t\t\t+= scripts/kas-alias/Makefile\n\ninclude $(addprefix $(srctree)/, $(include-y))\n",
    );
    expect(text("scripts/Makefile.modfinal")).toContain(
      "\n\ninclude $(srctree)/scripts/kas-alias/Makefile.modfinal\n\nquiet_cmd_ld_ko_o = LD [M]  $@\n",
    );
    expect(text("scripts/Makefile.modfinal")).toMatch(
      /-T \$\(ARCH_MODULE_LDS\) -o \$@ \$\(module-objects\) \$\(cmd_ld_ko_o_order\)(;\t\t\\)?\n/,
    );
    expect(text("scripts/link-vmlinux.sh")).toContain(`\t${SHELL} scripts/kallsyms \${kallsymopt} `);
    expect(text("scripts/link-vmlinux.sh")).toContain(`: $0 $(${SHELL} --dependencies)" > `);
    tool("sh", ["-n", join(tree, "scripts/link-vmlinux.sh")]);
  });

  test("is the same after a second install, also for make", () => {
    const tree = treeFor(series);
    run("install", tree);
    const times = () => [...contents(tree).keys()].map((path) => statSync(join(tree, path)).mtimeMs);
    const before = times();
    expect(run("install", tree)).toEqual(QUIET);
    expect(times()).toEqual(before);
  });

  test("is restored by remove, without git and for git", () => {
    const tree = treeFor(series);
    const before = contents(tree);
    git(tree, "init", "-q");
    git(tree, "add", "-A");
    git(tree, "commit", "-qm", "base");
    run("install", tree);
    expect(git(tree, "status", "--porcelain")).toContain("?? scripts/kas-alias.mjs");
    expect(run("remove", tree)).toEqual(QUIET);
    expect(git(tree, "diff")).toBe("");
    expect(git(tree, "status", "--porcelain")).toBe("");
    rmSync(join(tree, ".git"), { recursive: true });
    expect(contents(tree)).toEqual(before);
    expect(readdirSync(join(tree, "scripts")).sort()).toEqual(["Makefile.modfinal", "link-vmlinux.sh"]);
    expect(run("remove", tree)).toEqual(QUIET);
    expect(contents(tree)).toEqual(before);
  });

  test("reports its status, place by place", () => {
    const tree = treeFor(series);
    const status = () => {
      const { status, stdout } = run("status", tree);
      const [version, hook, ...places] = stdout.trimEnd().split("\n");
      expect(version).toBe(`version: ${series}.7`);
      expect(places).toHaveLength(PLACES);
      return { status, hook, places: new Set(places.map((place) => place.replace(/^place: .*:\d+: /, ""))) };
    };
    expect(status()).toEqual({
      status: 0,
      hook: "hook: not in; 6 of 6 places fit",
      places: new Set(["fits"]),
    });
    run("install", tree);
    const installed = { status: 0, hook: "hook: in", places: new Set(["in"]) };
    expect(status()).toEqual(installed);
    writeFileSync(join(tree, "scripts/kas-alias/Kconfig"), "other");
    expect(status().hook).toBe("hook: in; scripts/kas-alias/Kconfig is of another version");
    rmSync(join(tree, "scripts/kas-alias.mjs"));
    expect(run("install", tree)).toEqual(QUIET);
    expect(status()).toEqual(installed);
    rmSync(join(tree, "scripts/kas-alias.mjs"));
    expect(status().hook).toBe("hook: in; scripts/kas-alias.mjs is missing");
  });
});

test("a place is found in any context, whatever a distribution has changed around it", () => {
  const tree = treeFor("6.12");
  const script = join(tree, "scripts/link-vmlinux.sh");
  writeFileSync(script, readFileSync(script, "utf8").replace("info KSYMS", "# ours\n\tours\n\tinfo  KSYMS"));
  replaceIn(join(tree, "init/Kconfig"), "default n\n", "default y\n# ours");
  const before = contents(tree);
  expect(run("install", tree)).toEqual(QUIET);
  writeFileSync(script, `${readFileSync(script, "utf8")}# more of ours\n`);
  expect(run("remove", tree)).toEqual(QUIET);
  expect(contents(tree).get("scripts/link-vmlinux.sh")).toBe(
    `${before.get("scripts/link-vmlinux.sh")}# more of ours\n`,
  );
  expect(contents(tree).get("init/Kconfig")).toBe(before.get("init/Kconfig"));
});

test("bytes that are no UTF-8 stay as they are", () => {
  const tree = treeFor("7.3");
  const path = join(tree, "init/Kconfig");
  writeFileSync(path, Buffer.concat([Buffer.from([0x23, 0xe9, 0xff, 0x0a]), readFileSync(path)]));
  const before = contents(tree);
  run("install", tree);
  run("remove", tree);
  expect(contents(tree)).toEqual(before);
});

test("a version without tests gets a line with the places found", () => {
  const tree = treeFor("6.12", "6.6.3");
  const { status, stderr } = run("install", tree);
  expect(status).toBe(0);
  expect(stderr).toMatch(
    /^kas-alias: TREE: is Linux 6\.6\.3, and the hook is tested on 6\.1, 6\.12, 7\.2, 7\.3; found init\/Kconfig:5, scripts\/link-vmlinux\.sh:7, scripts\/link-vmlinux\.sh:11, Makefile:10, scripts\/Makefile\.modfinal:5, scripts\/Makefile\.modfinal:9\n$/,
  );
});

test("where vmlinux's places do not fit, nothing changes, and every misfit is named", () => {
  const tree = treeFor("5.10");
  rmSync(join(tree, "scripts/Makefile.modfinal"));
  const before = contents(tree);
  const { status, stdout, stderr } = run("install", tree);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr.split("\n").slice(1)).toEqual([
    `kas-alias: TREE/scripts/link-vmlinux.sh: has no \`scripts/kallsyms \${kallsymopt} "\${1}" > "\${2}.S"\``,
    `kas-alias: TREE/scripts/link-vmlinux.sh: has no \`echo "\${VMLINUX}: $0" > ".\${VMLINUX}.d"\``,
    "kas-alias: TREE/scripts/Makefile.modfinal: does not exist",
    "kas-alias: TREE/scripts/Makefile.modfinal: does not exist",
    "kas-alias: TREE: 4 places do not fit, and nothing was changed; use `kas-alias kernel wrap`, or edit them as `kas-alias kernel explain` describes",
    "",
  ]);
  expect(contents(tree)).toEqual(before);
  expect(run("status", tree)).toMatchObject({ status: 1, stderr: "" });
  expect(run("status", tree).stdout).toContain(
    "hook: not in; 2 of 6 places fit\nplace: init/Kconfig:5: fits\n",
  );
});

test("where only modules' places do not fit, vmlinux gets the hook, and remove takes it out", () => {
  const tree = treeFor("7.3");
  const path = join(tree, "Makefile");
  const line = "include $(addprefix $(srctree)/, $(include-y))\n";
  replaceIn(path, line, `${line}${line}`);
  const before = contents(tree);
  const { status, stderr } = run("install", tree);
  expect(status).toBe(1);
  expect(stderr).toBe(
    "kas-alias: TREE/Makefile: has `include $(addprefix $(srctree)/, $(include-y))` 2 times\n" +
      "kas-alias: TREE: 1 place does not fit, and the hook is in for vmlinux only; use `kas-alias kernel wrap`, or edit them as `kas-alias kernel explain` describes\n",
  );
  const after = contents(tree);
  const changed = [...before.keys()].filter((name) => before.get(name) !== after.get(name)).sort();
  expect(changed).toEqual(["init/Kconfig", "scripts/link-vmlinux.sh"]);
  expect(run("status", tree)).toMatchObject({ status: 1 });
  expect(run("status", tree).stdout).toContain("hook: in for vmlinux, not for modules; 5 of 6 places fit\n");
  expect(run("remove", tree)).toEqual(QUIET);
  expect(contents(tree)).toEqual(before);
});

test("`explain` shows each change as `install` makes it", () => {
  const { status, stdout, stderr } = kasAlias(["kernel", "explain"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const tree = treeFor("7.3");
  const before = contents(tree);
  run("install", tree);
  const changes = [
    ...stdout.matchAll(
      /^ {2}(\S+): .*\n\n((?: {6}.*\n)+)\n {4}becomes\n\n((?: {6}.*\n|\n)+?)(?=\n {2}\S|\nWhere)/gm,
    ),
  ];
  expect(changes).toHaveLength(PLACES);
  for (const [, path, anchor, result] of changes) {
    const lines = (text: string | undefined) => defined(text, "text").trim().replaceAll(/^ {6}/gm, "");
    expect(before.get(defined(path, "path"))).toContain(lines(anchor));
    expect(contents(tree).get(defined(path, "path"))).toContain(lines(result));
  }
});

test("the target of a symbolic link is changed, not the link", () => {
  const tree = treeFor("6.12");
  const real = join(directory, "real-Kconfig");
  cpSync(join(tree, "init/Kconfig"), real);
  rmSync(join(tree, "init/Kconfig"));
  symlinkSync(real, join(tree, "init/Kconfig"));
  run("install", tree);
  expect(readFileSync(real, "utf8")).toContain('source "scripts/kas-alias/Kconfig"\n');
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

  test("a tree with a hook of another version", () => {
    const tree = treeFor("6.12");
    run("install", tree);
    replaceIn(join(tree, "scripts/link-vmlinux.sh"), " --dependencies", " --other");
    const before = contents(tree);
    const place = "scripts/link-vmlinux.sh:11";
    const words = `kas-alias: TREE/${place}: is of a hook from another version of kas-alias, or edited by hand; `;
    const byHand = "remove the line, or write it as `kas-alias kernel explain` prints it\n";
    for (const command of ["install", "remove"]) expect(failure(command, tree)).toBe(words + byHand);
    expect(run("status", tree)).toMatchObject({ status: 1 });
    expect(run("status", tree).stdout).toContain(
      `hook: in, but from another version of kas-alias or by hand: ${place}\n`,
    );
    expect(contents(tree)).toEqual(before);
    writeFileSync(join(tree, "scripts/kas-alias.mjs"), "another version\n");
    const itself = "remove it first with node TREE/scripts/kas-alias.mjs kernel remove TREE\n";
    for (const command of ["install", "remove"]) expect(failure(command, tree)).toBe(words + itself);
  });

  test.each([
    ["source", "init/Kconfig", '"scripts/kas-alias/Kconfig"\n\n', '"scripts/kas-alias/Kconfig"\n'],
    ["a variable", "scripts/Makefile.modfinal", "$(module-objects) $(cmd", "$(module-objects)  $(cmd"],
  ])("an edit that was changed: %s", (_, file, from, to) => {
    const tree = treeFor("7.3");
    run("install", tree);
    replaceIn(join(tree, file), from, to);
    const before = contents(tree);
    for (const command of ["install", "remove"])
      expect(failure(command, tree)).toMatch(new RegExp(`^kas-alias: TREE/${file}:\\d+: is of a hook from `));
    expect(contents(tree)).toEqual(before);
  });

  test.each([
    ["scripts/Makefile.modalias", "a file", "is not of this hook"],
    ["scripts/kas-alias/Kconfig", "a file", "is not of this hook"],
    ["scripts/kas-alias.mjs", "a link", "is not of this hook"],
    ["scripts/kas-alias.mjs", "a directory", "is not a file"],
    ["scripts/kas-alias", "a file", "is not a directory"],
  ])("a tree where %s is %s", (name, kind, problem) => {
    const tree = treeFor("7.3");
    const path = join(tree, name);
    mkdirSync(dirname(path), { recursive: true });
    if (kind === "a directory") mkdirSync(path);
    else if (kind === "a link") symlinkSync(join(tree, "Makefile"), path);
    else writeFileSync(path, "mine\n");
    const before = contents(tree);
    expect(failure("install", tree)).toBe(
      `kas-alias: TREE/${name}: ${problem}\n` +
        "kas-alias: TREE: has files where those of the hook go, and nothing was changed; move them away\n",
    );
    const { status, stdout } = run("status", tree);
    expect({ status, last: stdout.split("\n").at(-2) }).toEqual({
      status: 1,
      last: `place: ${name}: ${problem}`,
    });
    expect(run("remove", tree)).toEqual(QUIET);
    expect(contents(tree)).toEqual(before);
  });
});
