// An image that is compressed as a whole gives the same output as the image itself, whatever its name.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { buildModules, MODULES } from "./module-objects.ts";
import { kasAlias } from "./program.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);
const NM = tool("nm", ["-n", SAMPLE]);
const TABLE = path("vmlinux.jsonl");
const RTC = "name_show@drivers_rtc_sysfs_c_26";

tool("strip", ["-g", "-o", path("stripped"), SAMPLE]);
buildModules(directory);
const MODULE_FILES = MODULES.map((module) => path(`${module}.ko`));
expect(kasAlias(["vmlinux", SAMPLE, "--table", TABLE]).status).toBe(0);
writeFileSync(path("kallsyms"), NM);

/** The commands that read an image. */
const COMMANDS: Readonly<Record<string, (image: string) => string[]>> = {
  vmlinux: (image) => ["vmlinux", image],
  "vmlinux --table": (image) => ["vmlinux", image, "--table", "-", "--data", "--signatures"],
  "vmlinux --debug-file": (image) => ["vmlinux", path("stripped"), "--debug-file", image],
  "vmlinux --nm": (image) => ["vmlinux", image, "--nm", path("kallsyms")],
  resolve: (image) => ["resolve", image, ...(NM.toString().match(/^[0-9a-f]{16}(?= t name_show$)/gm) ?? [])],
  "modules --vmlinux": (image) => ["modules", ...MODULE_FILES, "--vmlinux", image, "--table", "-"],
  "livepatch sympos": (image) => ["livepatch", "sympos", RTC, "--table", TABLE, "--vmlinux", image],
  "livepatch symbols-list": (image) => ["livepatch", "symbols-list", "--vmlinux", image],
  probe: (image) => ["probe", RTC, "--table", TABLE, "--kallsyms", path("kallsyms"), "--notes", image],
};

describe.each([
  ["gz", "gzip"],
  ["xz", "xz"],
  ["zst", "zstd"],
])(".%s", (suffix, packer) => {
  const packed = path(`vmlinux.${suffix}`);
  const bytes = tool(packer, ["-q", "-c", SAMPLE]);
  writeFileSync(packed, bytes);

  test.each(Object.entries(COMMANDS))("%s", (_, args) => {
    const plain = kasAlias(args(SAMPLE));
    expect(plain).toMatchObject({ status: 0, stderr: "" });
    expect(plain.stdout).not.toBe("");
    expect(kasAlias(args(packed))).toEqual(plain);
  });

  test("is recognised by its content", () => {
    const other = path(`no-${suffix}`);
    writeFileSync(other, bytes);
    expect(kasAlias(["vmlinux", other])).toEqual(kasAlias(["vmlinux", SAMPLE]));
    const plain = path(`plain.${suffix}`);
    writeFileSync(plain, readFileSync(SAMPLE));
    expect(kasAlias(["vmlinux", plain])).toEqual(kasAlias(["vmlinux", SAMPLE]));
  });

  test("is refused in one line if it is cut short or damaged", () => {
    const broken = path(`broken.${suffix}`);
    for (const length of [7, bytes.length >> 1, bytes.length - 1]) {
      writeFileSync(broken, bytes.subarray(0, length));
      const { status, stdout, stderr } = kasAlias(["vmlinux", broken]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(/^kas-alias: [^\n]+\n$/);
      expect(stderr).toContain(`${broken}: cannot be unpacked: `);
      expect(stderr).not.toMatch(/i\/o error|no such process/);
    }
    const damaged = Buffer.from(bytes);
    damaged.fill(0x55, 100, 200);
    writeFileSync(broken, damaged);
    expect(kasAlias(["vmlinux", broken]).stderr).toMatch(/^kas-alias: [^\n]+: cannot be unpacked: [^\n]+\n$/);
  });

  test("cannot be read by addr2line", () => {
    const { status, stderr } = kasAlias(["vmlinux", packed, "--resolver", "addr2line"]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `kas-alias: ${packed}: is compressed, which addr2line cannot read; use --resolver dwarf\n`,
    });
  });
});

test("a compressed file that is no ELF file is refused", () => {
  mkdirSync(path("text"));
  const text = path("text/text.gz");
  writeFileSync(text, tool("gzip", ["-c"], "no object at all\n"));
  expect(kasAlias(["vmlinux", text]).stderr).toMatch(/^kas-alias: .*text\.gz: is not an ELF file; [^\n]+\n$/);
});
