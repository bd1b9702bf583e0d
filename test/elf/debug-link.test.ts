// Separate debug files of stripped files are found where elfutils finds them, and nowhere else.
import { appendFileSync, copyFileSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { findDebugFile } from "../../src/elf/debug-link.ts";
import { openElf } from "../../src/elf/elf-file.ts";
import { buildId } from "../../src/elf/notes.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { buildRelocatable } from "./relocatable-sample.ts";

const directory = temporaryDirectory();
const built = join(directory, "built.ko");
const stripped = join(directory, "stripped.ko");
const linked = join(directory, "linked.ko");
/** The file that `linked` names; the checksum is of its content. */
const debug = join(directory, "sample.debug");

const root = join(directory, "root");
const store = join(root, "usr/lib/debug");
const folder = join(root, "lib/modules/6.12.0/kernel/drivers");

beforeAll(() => {
  buildRelocatable(built, { cc: ["gcc"], ld: "ld" });
  tool("objcopy", ["--only-keep-debug", built, debug]);
  tool("strip", ["--strip-debug", "-o", stripped, built]);
  tool("objcopy", [`--add-gnu-debuglink=${debug}`, stripped, linked]);
});

beforeEach(() => rmSync(root, { recursive: true, force: true }));

/** Copies a file, into a folder that is made for it. */
function put(source: string, target: string): string {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
  return target;
}

const install = (object: string, name = "sample.ko") => put(object, join(folder, name));

function found(object: string, directories: readonly string[] = [store]): string | undefined {
  const elf = openElf(object);
  try {
    return findDebugFile(elf, directories);
  } finally {
    elf.file.close();
  }
}

/** The debug file that elfutils finds, undefined when it finds none. */
function foundByElfutils(object: string): string | undefined {
  const line = tool("eu-unstrip", ["-n", `--debuginfo-path=+:.debug:${store}`, "-e", object]).toString();
  const file = line.trimEnd().split(" ")[3];
  return file === "-" ? undefined : file;
}

function buildIdPath(object: string): string {
  const elf = openElf(object);
  const id = buildId(elf) ?? "";
  elf.file.close();
  expect(id).toMatch(/^[0-9a-f]{40}$/);
  return join(store, ".build-id", id.slice(0, 2), `${id.slice(2)}.debug`);
}

/** The places searched for a debug file. */
const PLACES: readonly [string, object: () => string, place: () => string][] = [
  ["by build ID", () => stripped, () => buildIdPath(stripped)],
  ["by debug link, beside the file", () => linked, () => join(folder, basename(debug))],
  ["by debug link, in .debug beside the file", () => linked, () => join(folder, ".debug", basename(debug))],
  ["by debug link, in the debug directory", () => linked, () => join(store, folder, basename(debug))],
  ["under its own name in the debug directory", () => stripped, () => join(store, folder, "sample.ko")],
];

test.each(PLACES)("a debug file is found %s", (_, object, place) => {
  const installed = install(object());
  expect(found(installed)).toBeUndefined();
  expect(foundByElfutils(installed)).toBeUndefined();
  put(debug, place());
  expect(found(installed)).toBe(place());
  expect(foundByElfutils(installed)).toBe(place());
});

test("the first place with the right file wins", () => {
  const installed = install(linked);
  const places = [...PLACES].filter(([, object]) => object() === linked).map(([, , place]) => place());
  const byId = put(debug, buildIdPath(stripped));
  for (const place of places) put(debug, place);
  for (const place of [byId, ...places]) {
    expect(found(installed)).toBe(place);
    rmSync(place);
  }
  expect(found(installed)).toBeUndefined();
});

test.each(PLACES.slice(1, 4))("a file with another checksum is skipped %s", (_, object, place) => {
  const installed = install(object());
  appendFileSync(put(debug, place()), "more");
  expect(found(installed)).toBeUndefined();
});

test.each([...PLACES.slice(0, 1), ...PLACES.slice(4)])(
  "a file of another build is skipped %s",
  (_, object, place) => {
    const other = join(directory, "other.ko");
    buildRelocatable(other, { cc: ["gcc", "-DOTHER", "-O1"], ld: "ld" });
    const installed = install(object());
    put(other, place());
    expect(found(installed)).toBeUndefined();
    expect(foundByElfutils(installed)).toBeUndefined();
  },
);

test("a stripped file is not a debug file, even one of the same build", () => {
  const installed = install(stripped);
  put(stripped, join(store, folder, "sample.ko"));
  expect(found(installed)).toBeUndefined();
});

test("text, a folder and a dangling link are skipped", () => {
  const installed = install(linked);
  mkdirSync(join(folder, ".debug", basename(debug)), { recursive: true });
  put(new URL(import.meta.url).pathname, buildIdPath(stripped));
  symlinkSync("nowhere", join(folder, basename(debug)));
  expect(found(installed)).toBeUndefined();
  const place = put(debug, join(store, folder, basename(debug)));
  expect(found(installed)).toBe(place);
});

test("debug directories are searched in order", () => {
  const installed = install(linked);
  const [one, two] = [join(root, "one"), join(root, "two")];
  const inOne = put(debug, join(one, folder, basename(debug)));
  const inTwo = put(debug, join(two, folder, basename(debug)));
  expect(found(installed, [one, two])).toBe(inOne);
  expect(found(installed, [two, one])).toBe(inTwo);
  expect(found(installed, [])).toBeUndefined();
});

test("the path before /lib/modules/ is ignored: an unpacked image or /usr", () => {
  const place = put(built, join(store, "lib/modules/6.12.0/kernel/drivers/sample.ko"));
  expect(found(install(stripped))).toBe(place);
  expect(found(put(stripped, join(root, "usr/lib/modules/6.12.0/kernel/drivers/sample.ko")))).toBe(place);
});

test("the debug file of a compressed module has its name without .xz", () => {
  const place = put(built, join(store, folder, "sample.ko"));
  expect(found(install(stripped, "sample.ko.xz"))).toBe(place);
});

test("a file reached through a symbolic link is searched under both names", () => {
  const installed = install(stripped);
  mkdirSync(join(root, "elsewhere"));
  const link = join(root, "elsewhere", "sample.ko");
  symlinkSync(installed, link);
  const place = put(debug, join(store, folder, "sample.ko"));
  expect(found(link)).toBe(place);
});

test("a big-endian file's link is read in its own byte order", () => {
  const object = join(directory, "s390x.ko");
  buildRelocatable(object, { cc: ["s390x-linux-gnu-gcc"], ld: "s390x-linux-gnu-ld" });
  const debugFile = join(directory, "s390x.debug");
  tool("s390x-linux-gnu-objcopy", ["--only-keep-debug", object, debugFile]);
  tool("s390x-linux-gnu-objcopy", ["--strip-debug", `--add-gnu-debuglink=${debugFile}`, object]);
  const place = join(folder, "s390x.debug");
  const installed = install(object, "s390x.ko");
  put(debugFile, place);
  expect(found(installed)).toBe(place);
  expect(foundByElfutils(installed)).toBe(place);
});

test("a truncated .gnu_debuglink is a one-line failure", () => {
  const text = join(directory, "short");
  appendFileSync(text, "sample.debug");
  const broken = join(directory, "broken.ko");
  tool("objcopy", [`--add-section=.gnu_debuglink=${text}`, stripped, broken]);
  expect(() => found(install(broken))).toThrow(/\.gnu_debuglink: .*; /);
});
