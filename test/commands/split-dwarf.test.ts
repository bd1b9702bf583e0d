// Images with split DWARF have the aliases and tables of the ordinary build; what a missing file withholds is reported.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { defined } from "../defined.ts";
import { answersOf, resolved } from "../locations.ts";
import { buildSample } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { buildModules, MODULES } from "./module-objects.ts";
import { kasAlias, tableRows } from "./program.ts";

const directory = temporaryDirectory();

const CLANG = { CC: "clang-19", LD: "ld.lld-19" };
/** The builds; `packer` creates packages. LLVM's does not end on DWARF 5 of GCC. */
const BUILDS = [
  { name: "gcc, DWARF 4", build: {}, flag: "-gdwarf-4", packer: "dwp" },
  { name: "gcc, DWARF 5", build: {}, flag: "-gdwarf-5", packer: "" },
  { name: "clang, DWARF 4", build: CLANG, flag: "-gdwarf-4", packer: "dwp" },
  { name: "clang, DWARF 5", build: CLANG, flag: "-gdwarf-5", packer: "llvm-dwp-19" },
] as const;

const EVERYTHING = ["--table-scope", "all", "--data", "--location", "decl", "--signatures"];

/** Runs a command on an image; its table is parsed. */
function run(image: string, ...args: string[]) {
  const { status, stdout, stderr } = kasAlias(["vmlinux", image, "--table", "-", ...args]);
  expect(status).toBe(0);
  const [, ...rows] = stdout.trimEnd().split("\n");
  // The link order of sections, and so addresses, may differ.
  return { rows: rows.map((row) => ({ ...JSON.parse(row), address: "" })), stderr };
}

/** The images of each build, by name. */
const built = new Map<string, { readonly plain: string; readonly split: string }>();

/** An image in a directory of its own, with what the names say beside it. */
function placed(image: string, name: string): string {
  const path = join(directory, name);
  mkdirSync(path);
  copyFileSync(image, join(path, "vmlinux"));
  return join(path, "vmlinux");
}

function copyTree(from: string, to: string): void {
  tool("cp", ["-R", "--", ...readdirSync(from).map((each) => join(from, each)), to]);
}

beforeAll(() => {
  for (const { name, build, flag } of BUILDS) {
    const folder = join(directory, name.replace(/\W/g, ""));
    for (const path of [folder, `${folder}-split`]) mkdirSync(path);
    const plain = buildSample(join(folder, "vmlinux"), { ...build, CFLAGS: flag });
    const flags = `${flag} -gsplit-dwarf`;
    const split = buildSample(join(`${folder}-split`, "vmlinux"), { ...build, CFLAGS: flags });
    built.set(name, { plain, split });
  }
}, 180_000);

describe.each(BUILDS)("$name", ({ name, flag }) => {
  const folder = name.replace(/\W/g, "");
  const version = flag.slice(-1);
  let plain = "";
  let split = "";

  beforeAll(() => {
    ({ plain, split } = defined(built.get(name), `the build of ${name}`));
  });

  test("tables are those of the ordinary build", () => {
    for (const args of [[], ["--table-scope", "all"], EVERYTHING]) {
      expect(run(split, ...args)).toEqual({ ...run(plain, ...args), stderr: "" });
    }
    expect(run(plain, ...EVERYTHING).rows.filter(({ arriving }) => arriving?.length > 0)).not.toEqual([]);
  });

  test("lines are those of llvm-addr2line, also without the other files", async () => {
    const alone = placed(split, `${folder}-lines`);
    const listing = tool("nm", [split]).toString();
    const addresses = Array.from(
      listing.matchAll(/^(\w{16}) [tT] (?!__pfx_)/gm),
      ([, address = ""]) => address,
    );
    const expected = answersOf("llvm-addr2line", alone, addresses);
    expect(expected.filter(Boolean).length).toBeGreaterThan(50);
    expect(await resolved(alone, addresses)).toEqual(expected);
    const { stderr, stdout } = kasAlias(["resolve", alone, ...addresses]);
    expect(stderr).toBe("");
    expect(stdout.split("\n")).toHaveLength(addresses.length + 1);
  });

  test("without the other files, aliases stay, and the losses are reported", () => {
    const alone = placed(split, `${folder}-alone`);
    const aliases = run(alone);
    const unchanged = ({ unit }: { unit: string | null }) =>
      version === "5" || !unit?.startsWith("lib/template");
    expect(aliases.rows.filter(unchanged)).toEqual(run(plain).rows.filter(unchanged));
    const assumed = `kas-alias: ${alone}: \\S+\\.dwo is missing, and \\d+ more; its source is assumed to be the C file of the same name\n`;
    expect(aliases.stderr).toMatch(new RegExp(`^${version === "5" ? "" : assumed}$`));
    const { stderr } = run(alone, "--data");
    expect(stderr.split("\n")[0]).toMatch(
      /: \S+\.dwo is missing, and \d\d more; declarations and parameters that are in it are unknown$/,
    );
    expect(run(alone, "--data", "--quiet").stderr).toBe("");
  });

  test("files of another build are not used", () => {
    const other = placed(split, `${folder}-other`);
    const wrong = join(other, "..", "drivers", "rtc");
    mkdirSync(wrong, { recursive: true });
    copyFileSync(join(split, "..", "drivers", "pnp", "card.dwo"), join(wrong, "sysfs.dwo"));
    writeFileSync(join(wrong, "class.dwo"), "no ELF file");
    const { stderr } = run(other, "--data");
    expect(stderr).toMatch(/^kas-alias: .*declarations and parameters that are in it are unknown$/m);
    // The right files are found beyond useless ones: a package, and a file in the first place that is looked at.
    const tree = join(placed(split, `${folder}-beyond`), "..");
    copyTree(join(split, ".."), tree);
    mkdirSync(join(tree, "sub", "drivers", "rtc"), { recursive: true });
    const below = join(tree, "sub", "vmlinux");
    copyFileSync(split, below);
    writeFileSync(join(tree, "sub", "drivers", "rtc", "sysfs.dwo"), "no ELF file");
    writeFileSync(`${below}.dwp`, "no ELF file");
    expect(run(below, "--data").stderr).toBe("");
    const whole = placed(split, `${folder}-one`);
    copyTree(join(split, ".."), join(whole, ".."));
    copyFileSync(join(wrong, "sysfs.dwo"), join(whole, "..", "drivers", "rtc", "sysfs.dwo"));
    expect(run(whole, "--data").stderr).toContain(
      `drivers/rtc/sysfs.dwo is of another build than ${whole}; declarations and parameters that are in it are unknown\n`,
    );
  });
});

test.each(BUILDS.filter(({ packer }) => packer !== ""))(
  "$name: a package has what the files have",
  ({ name, packer }) => {
    const { plain, split } = defined(built.get(name), `the build of ${name}`);
    const packed = placed(split, `packed-${name.replace(/\W/g, "")}`);
    tool("env", ["-C", join(split, ".."), packer, "-e", "vmlinux", "-o", `${packed}.dwp`]);
    expect(run(packed, ...EVERYTHING)).toEqual({ ...run(plain, ...EVERYTHING), stderr: "" });
    tool("gzip", ["-k", packed]);
    expect(run(`${packed}.gz`, ...EVERYTHING)).toEqual(run(packed, ...EVERYTHING));
    const whole = readFileSync(`${packed}.dwp`);
    writeFileSync(`${packed}.dwp`, whole.subarray(0, whole.length / 2));
    expect(run(packed, "--data").stderr).toMatch(/^kas-alias: \S+\.dwp: .*declarations and parameters/);
  },
);

test.each(["4", "5"])("modules with split DWARF %s have the tables of ordinary ones", (version) => {
  const trees = [join(directory, `modules${version}`), join(directory, `modules${version}-split`)] as const;
  buildModules(trees[0], `-gdwarf-${version}`);
  buildModules(trees[1], `-gdwarf-${version}`, "-gsplit-dwarf");
  const table = (tree: string) =>
    tableRows(["modules", ...MODULES.map((path) => `${path}.ko`), ...EVERYTHING], tree);
  const expected = table(trees[0]);
  expect(expected.filter(({ via }) => via === "decl").length).toBeGreaterThan(10);
  expect(table(trees[1])).toEqual(expected);
  // The directory of compilation is not there any more.
  const moved = `${trees[1]}-moved`;
  renameSync(trees[1], moved);
  expect(table(moved)).toEqual(expected);
});
