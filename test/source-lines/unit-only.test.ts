// Functions that a unit's ranges contain and that have no row, as some `.cold` parts.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tableRows } from "../commands/program.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

test.each(["-gdwarf-4", "-gdwarf-5"])("have the path of their unit (%s)", (version) => {
  const directory = temporaryDirectory();
  const objects = ["mm", "fs"].map((folder) => {
    const path = (extension: string) => join(directory, folder, `same.${extension}`);
    mkdirSync(join(directory, folder));
    const cold = '__attribute__((noinline, used, section(".text.unlikely")))';
    const twin = `${cold} static int twin(int a) { return sink + a; }`;
    writeFileSync(path("c"), `static int sink;\nint in_${folder}(void) { return sink++; }\n${twin}\n`);
    const flags = [version, "-O2", "-fno-pic", "-mcmodel=kernel", `-ffile-prefix-map=${directory}/=`];
    tool("gcc", [...flags, "-S", "-o", path("s"), path("c")]);
    const [before = "", after = ""] = readFileSync(path("s"), "utf8").split(/(?<=^twin:)/m);
    const own = after.slice(0, after.indexOf("\t.size\ttwin"));
    const rest = after.slice(own.length);
    expect(own).toContain("\t.loc ");
    writeFileSync(path("s"), before + own.replace(/^\t\.loc .*\n/gm, "") + rest);
    tool("gcc", ["-c", "-o", path("o"), path("s")]);
    return path("o");
  });
  const image = join(directory, "vmlinux");
  tool("ld", ["-Ttext=0xffffffff81000000", "-e", "0", "-o", image, ...objects]);
  const rows = tableRows(["vmlinux", image]);
  expect(
    rows.map(({ alias, file, line, unit, via }) => `${alias} ${file} ${line} ${unit} ${via}`).sort(),
  ).toEqual(["twin@fs_same_c fs/same.c null fs/same.c unit", "twin@mm_same_c mm/same.c null mm/same.c unit"]);
});
