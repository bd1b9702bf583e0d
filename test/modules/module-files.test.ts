import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import {
  checkNames,
  moduleNameOf,
  modulesBelow,
  namedModules,
  orderedModules,
} from "../../src/modules/module-files.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();

function failureOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
  throw new Error("it was taken");
}

describe("a module's name", () => {
  test.each([
    ["drivers/net/phy/mdio-i2c.ko", "mdio_i2c"],
    ["snd-hda-codec-hdmi.ko.xz", "snd_hda_codec_hdmi"],
    ["/lib/modules/6.12/kernel/fs/ext4/ext4.ko.zst", "ext4"],
    ["crypto/842.ko.gz", "842"],
    ["a-b/c-d.o", "c_d"],
    ["dvb.ko-x.o", "dvb.ko_x"],
  ])("%s has %s", (path, name) => {
    expect(moduleNameOf(path)).toBe(name);
  });
});

test("copies of modules named individually go directly to the output directory", () => {
  expect(namedModules(["fs/ext4/ext4.ko", "x.o"])).toEqual([
    { path: "fs/ext4/ext4.ko", name: "ext4", output: "ext4.ko" },
    { path: "x.o", name: "x", output: "x.o" },
  ]);
  for (const path of ["vmlinux", "ext4.ko.bz2", "x.c", ".ko/x", ""]) {
    expect(failureOf(() => namedModules([path]))).toBe(
      `${path || '""'}: is not a module file; give .ko or .o files`,
    );
  }
});

describe("modules.order", () => {
  function order(text: string): string {
    const path = join(directory, "build/modules.order");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  test("names modules relative to its folder; copies keep their subfolders", () => {
    const build = join(directory, "build");
    expect(orderedModules(order("fs/ext4/ext4.o\n\n./net/x-y.ko\nlib/../z.ko"))).toEqual([
      { path: join(build, "fs/ext4/ext4.o"), name: "ext4", output: "fs/ext4/ext4.o" },
      { path: join(build, "net/x-y.ko"), name: "x_y", output: "net/x-y.ko" },
      { path: join(build, "z.ko"), name: "z", output: "z.ko" },
    ]);
    expect(orderedModules(order(""))).toEqual([]);
  });

  test("may have absolute paths; a copy never leaves the output directory", () => {
    const inside = join(directory, "build/sub/a.o");
    expect(orderedModules(order(`${inside}\n/elsewhere/b.ko\n../../c.ko\n..d/e.ko\n`))).toEqual([
      { path: inside, name: "a", output: "sub/a.o" },
      { path: "/elsewhere/b.ko", name: "b", output: "b.ko" },
      { path: join(directory, "../c.ko"), name: "c", output: "c.ko" },
      { path: join(directory, "build/..d/e.ko"), name: "e", output: "..d/e.ko" },
    ]);
  });

  test.each(["a.ko\nb.c\n", "a.ko\nb.ko.xz\n", "a.ko\nb.ko\r\n"])(
    "%j is refused by the number of its second line",
    (text) => {
      const path = order(text);
      expect(failureOf(() => orderedModules(path))).toMatch(
        /: line 2 is not a \.o or \.ko: "b\..*"; give a modules\.order$/,
      );
    },
  );
});

describe("the modules below a directory", () => {
  test("are those that find(1) lists, ordered by the bytes of their paths; links to directories are not followed", () => {
    const root = join(directory, "installed");
    const files = [
      "b/x.ko",
      "b-a/y.ko.xz",
      "B.ko",
      "é.ko.gz",
      "\u{ff5e}.ko",
      "\u{1f600}.ko",
      "a/b/c/d.ko.zst",
    ];
    for (const path of [...files, "a.ko.bz2", "a.o", "modules.order", "ko"]) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), "");
    }
    symlinkSync("..", join(root, "a/up"));
    const pattern = ["-regex", ".*[.]ko\\([.]gz\\|[.]xz\\|[.]zst\\)?"];
    const expected = tool(
      "sort",
      [],
      tool("find", [root, ...pattern, "-printf", "%P\\n"]).toString(),
    ).toString();
    const found = modulesBelow(root);
    expect(found.map(({ output }) => `${output}\n`).join("")).toBe(expected);
    expect(found).toHaveLength(files.length);
    for (const { path, output } of found) expect(path).toBe(join(root, output));
  });

  test("are those that depmod prefers among duplicates: one in updates/, and a file before a link to it", () => {
    const base = join(directory, "twice");
    const root = join(base, "lib/modules/6.1.0");
    const source = join(directory, "empty.c");
    writeFileSync(source, "");
    for (const path of [
      "kernel/net/bridge.ko",
      "kernel/fs/ext4.ko",
      "updates/dkms/bridge.ko",
      "extra/zfs.ko",
    ]) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      tool("gcc", ["-c", "-o", join(root, path), source]);
    }
    mkdirSync(join(root, "weak-updates"));
    symlinkSync("../extra/zfs.ko", join(root, "weak-updates/zfs.ko"));
    for (const name of ["modules.order", "modules.builtin"]) writeFileSync(join(root, name), "");
    // Without the configuration of this machine, which may say otherwise.
    tool("depmod", ["-b", base, "-C", "/dev/null", "6.1.0"]);
    const taken = tool("cut", ["-d:", "-f1", join(root, "modules.dep")])
      .toString()
      .trimEnd()
      .split("\n");
    expect(modulesBelow(root).map(({ output }) => output)).toEqual(taken.sort());
    expect(taken).toContain("updates/dkms/bridge.ko");
  });
});

test("two files with the same module name are refused; - and _ are equal", () => {
  checkNames(namedModules(["a/one.ko", "b/two.ko"]));
  expect(failureOf(() => checkNames(namedModules(["a/x-y.ko", "b/z.ko", "c/x_y.ko.xz"])))).toBe(
    "c/x_y.ko.xz: is the module x_y, and so is a/x-y.ko; give one of them",
  );
});
