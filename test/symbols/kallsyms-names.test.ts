import { describe, expect, test } from "vitest";
import { type KernelFacts, livePatchNames, lookUpNames } from "../../src/symbols/kallsyms-names.ts";

const NOTHING: KernelFacts = {
  release: null,
  banner: null,
  config: () => undefined,
  hasLlvmSuffix: false,
};
const LTO: Partial<KernelFacts> = {
  config: () => "CONFIG_LTO=y\nCONFIG_LTO_CLANG=y\nCONFIG_LTO_CLANG_THIN=y\n",
};

const compared = (facts: Partial<KernelFacts>) => lookUpNames({ ...NOTHING, ...facts });

describe("look-ups of a kernel with CONFIG_LTO_CLANG compare", () => {
  // 6.1.192 and 6.12.117 by their sources, the others by the commits that docs/names.md names.
  test.each([
    ["5.10.200", "exact"],
    ["5.15.130", "exact"],
    ["5.16.0", "all"],
    ["6.1.0", "all"],
    ["6.1.41", "all"],
    ["6.1.42", "llvm"],
    ["6.1.192", "llvm"],
    ["6.2.16", "all"],
    ["6.4.6", "all"],
    ["6.4.7", "llvm"],
    ["6.5.0-rc3", "llvm"],
    ["6.6.30", "llvm"],
    ["6.10.6", "llvm"],
    ["6.10.7", "exact"],
    ["6.11.0", "exact"],
    ["6.12.117+deb12-cloud-amd64", "exact"],
    ["7.0.1", "exact"],
  ])("%s: %s", (release, names) => {
    expect(compared({ release, ...LTO })).toBe(names);
    expect(compared({ release, hasLlvmSuffix: true })).toBe(names);
    expect(compared({ release })).toBe("exact");
  });

  test("by the stable version in the banner if the release lacks it", () => {
    const banner = (version: string) =>
      `Linux version 6.1.0-56-amd64 (d@debian.org) (Debian clang version 14.0.6, LLD 14.0.6) #1 SMP Debian ${version} (2026-11-16)\n`;
    const release = "6.1.0-56-amd64";
    expect(compared({ release, banner: banner("6.1.192-2"), ...LTO })).toBe("llvm");
    expect(compared({ release, banner: banner("6.1.27-1"), ...LTO })).toBe("all");
  });
});

test("a kernel made by GCC compares whole names", () => {
  const banner =
    "Linux version 6.1.1 (a@b) (x86_64-linux-gnu-gcc-12 (Debian 12.2.0) 12.2.0, GNU ld 2.40) #1\n";
  expect(compared({ release: "6.1.1", banner, ...LTO })).toBe("exact");
  expect(compared({ release: "6.1.1", banner: banner.replace(/\S+gcc\S+/, "clang"), ...LTO })).toBe("all");
});

test("for an unknown kernel, the names decide", () => {
  expect(compared({})).toBe("exact");
  expect(compared({ hasLlvmSuffix: true })).toBe("llvm");
});

test("live patches compare whole names up to 6.1, and later the same part as look-ups", () => {
  expect(livePatchNames("llvm", "6.1.192")).toBe("exact");
  expect(livePatchNames("all", "5.19.0")).toBe("exact");
  expect(livePatchNames("all", "6.2.0")).toBe("all");
  expect(livePatchNames("llvm", "6.6.1")).toBe("llvm");
  expect(livePatchNames("exact", "6.6.1")).toBe("exact");
});
