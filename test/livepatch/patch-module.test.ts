import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openElf } from "../../src/elf/elf-file.ts";
import { Failure } from "../../src/failure.ts";
import { readLivePatch } from "../../src/livepatch/patch-module.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { buildLivePatch } from "./live-patch.ts";

const directory = temporaryDirectory();
const GOOD = buildLivePatch(join(directory, "good.ko"), {
  functions: [
    { name: "name_show", position: 3 },
    { object: "alpha", name: "limit", position: 0 },
  ],
  relocations: { ".klp.rela.vmlinux..data": [".klp.sym.vmlinux.name_show,1"] },
  positions: { vmlinux: [["probe_one", 2]] },
});

function read(path: string) {
  const elf = openElf(path);
  try {
    return readLivePatch(elf);
  } finally {
    elf.file.close();
  }
}

test("a live patch names its functions, its symbols and their positions", () => {
  expect(read(GOOD)).toEqual({
    source: GOOD,
    kernel: "6.12.0-sample",
    references: [
      { kind: "klp_func", object: "vmlinux", name: "name_show", position: 3 },
      { kind: "klp_func", object: "alpha", name: "limit", position: 0 },
      { kind: "klp.sym", object: "vmlinux", name: "name_show", position: 1 },
      { kind: "KLP_SYMPOS", object: "vmlinux", name: "probe_one", position: 2 },
    ],
    undefinedNames: ["probe_one", "__this_module"],
    faults: [],
  });
});

test("a damaged live patch ends in a failure or another answer, nothing else", () => {
  const bytes = readFileSync(GOOD);
  const path = join(directory, "damaged.ko");
  let failures = 0;
  let seed = 1;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  for (let run = 0; run < 1500; run++) {
    const damaged = Buffer.from(bytes.subarray(0, run % 3 === 0 ? random(bytes.length) : bytes.length));
    for (let flips = 0; flips < 4 && damaged.length > 0; flips++)
      damaged[random(damaged.length)] = random(256);
    writeFileSync(path, damaged);
    try {
      read(path);
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
      failures++;
    }
  }
  expect(failures).toBeGreaterThan(500);
  expect(failures).toBeLessThan(1500);
});
