// Kernels of series for which nobody has prepared anything, built with the wrapper of nm.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Source } from "../../../scripts/kernel-sources.mjs";
import { defined } from "../../defined.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { boot } from "../guest.ts";
import { KernelBuild, type Made, restoreTree, steps } from "../kernel-build.ts";
import { linesOf, rowsOf, succeed } from "../stock-kernel.ts";

/**
 * @param images the temporary images of a build
 * @param boots whether the kernel is booted
 * @param options changes of the configuration
 * @returns the build, and the hash of its vmlinux after these tests
 */
export function testWrapper(source: Source, images: readonly string[], boots: boolean, ...options: string[]) {
  const build = new KernelBuild(source);
  const wrapper = join(temporaryDirectory(), "kas-nm");
  const NM = `NM=${wrapper}`;
  const systemMap = () => linesOf(readFileSync(build.path("System.map"), "utf8"));
  const nameOf = (line: string) => line.replace(/^\S+ \S /, "");

  describe(`Linux ${source.series}, unpatched`, { timeout: 3_600_000 }, () => {
    let bare: Made;
    let bareNames: string[] = [];
    let wrapped: Made;

    beforeAll(() => {
      restoreTree(source);
      build.configure(...options);
      build.must("vmlinux", "modules");
      bare = build.relink();
      bareNames = systemMap().map(nameOf);
      succeed("kernel", "wrap", "-o", wrapper, "--build", build.directory);
      build.must("vmlinux", "modules", NM);
      wrapped = build.relink(NM);
    }, 3_600_000);

    test("is linked with as many links, and an ALIAS step for each pass", () => {
      expect(steps(wrapped, "ALIAS")).toEqual(images.map((image) => `ALIAS ${image}`));
      expect(steps(wrapped, "LD", "BTF")).toEqual(steps(bare, "LD", "BTF"));
    });

    test("has the aliases of its own table, each after its original, and no other new name", () => {
      const table = join(temporaryDirectory(), "table.jsonl");
      succeed("vmlinux", build.path("vmlinux"), "--table", table);
      const lines = systemMap();
      const aliases = rowsOf(table).map(({ address, type, alias }) => `${address} ${type} ${alias}`);
      expect(aliases.length).toBeGreaterThan(100);
      expect(lines.filter((line) => line.includes("@"))).toEqual(aliases);
      expect(lines.map(nameOf).filter((name) => !name.includes("@"))).toEqual(bareNames);
      for (const [i, line] of lines.entries())
        if (line.includes("@"))
          expect(lines[i - 1]?.startsWith(line.replace(/(\.llvm\..*)?@.*/, ""))).toBe(true);
    });

    if (boots)
      test("has them when it runs, where a probe of one fires only for its function", () => {
        build.must("bzImage", NM);
        const guest = boot(build.path("arch/x86/boot/bzImage"), "nokaslr", [], temporaryDirectory());
        const lines = linesOf(defined(guest.get("aliases"), "the guest's section `aliases`"));
        expect(lines.filter((line) => line.includes("@"))).toEqual(
          systemMap().filter((line) => line.includes("@")),
        );
        expect(guest.get("alias")).toBe("accepted");
        expect(guest.get("namesake read")).toBe("0");
        expect(guest.get("read")).toBe("1");
      });

    test("is not linked again by a second make", () => {
      // From 6.x on, the BTF of modules depends on vmlinux.
      build.must("vmlinux", "modules", NM);
      expect(steps(build.must("vmlinux", "modules", NM), "LD", "ALIAS", "BTF")).toEqual([]);
    });
  });
  return { build, vmlinux: () => build.sha256("vmlinux") };
}
