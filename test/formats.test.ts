// The same sample kernel in every format that kernels come in: its listing is nm's, its locations are those of
// llvm-addr2line, and where that has no answer eu-addr2line's.
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openElf } from "../src/elf/elf-file.ts";
import { elfListing } from "../src/symbols/elf-listing.ts";
import { defined } from "./defined.ts";
import { expectedLocations, resolved } from "./locations.ts";
import { buildSample, SAMPLE, type SampleBuild } from "./sample-kernel.ts";
import { nmListing, textOf } from "./symbols/listings.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { tool } from "./tool.ts";

const directory = temporaryDirectory();

interface Format {
  readonly name: string;
  readonly build: SampleBuild;
  /** The nm that knows the target; the others' is binutils' own. */
  readonly nm?: string;
  /** Converts the built image, whose locations are then compared with those of the image before. */
  readonly convert?: readonly [command: string, ...args: string[]];
}

const clangFor = (target: string): SampleBuild => ({
  CC: "clang",
  LD: "ld.lld",
  CFLAGS: `--target=${target}`,
});

// gcc as the linker, so that ld gets the plug-in it needs; without an export everything unused would be removed.
const gccLinker = join(directory, "gcc-ld");
writeFileSync(
  gccLinker,
  '#!/bin/bash\nexec gcc -nostdlib -no-pie -flto -O2 -g -Wl,--export-dynamic "' +
    "$" +
    '{@/#--build-id/-Wl,--build-id}"\n',
);
chmodSync(gccLinker, 0o755);

const FORMATS: readonly Format[] = [
  { name: "gcc, DWARF 2", build: { CFLAGS: "-gdwarf-2" } },
  { name: "gcc, DWARF 3", build: { CFLAGS: "-gdwarf-3" } },
  { name: "gcc, DWARF 4", build: { CFLAGS: "-gdwarf-4" } },
  { name: "gcc, DWARF 5", build: {} },
  { name: "gcc, 64-bit DWARF 5", build: { CFLAGS: "-gdwarf64" } },
  { name: "gcc, 64-bit DWARF 4", build: { CFLAGS: "-gdwarf-4 -gdwarf64" } },
  { name: "gcc -O0", build: { CFLAGS: "-O0" } },
  { name: "gcc -m32", build: { CFLAGS: "-m32", LDFLAGS: "-m elf_i386" } },
  { name: "gcc -flto", build: { CFLAGS: "-flto", LD: gccLinker } },
  {
    name: "gcc, s390x",
    build: { CC: "s390x-linux-gnu-gcc", LD: "s390x-linux-gnu-ld" },
    nm: "s390x-linux-gnu-nm",
  },
  { name: "clang, DWARF 5", build: { CC: "clang", LD: "ld.lld" } },
  { name: "clang, DWARF 4", build: { CC: "clang", LD: "ld.lld", CFLAGS: "-gdwarf-4" } },
  { name: "clang -flto=thin", build: { CC: "clang", LD: "ld.lld", CFLAGS: "-flto=thin" } },
  { name: "clang, i386", build: clangFor("i386-linux-gnu") },
  { name: "clang, AArch64", build: clangFor("aarch64-linux-gnu"), nm: "aarch64-linux-gnu-nm" },
  { name: "clang, ARM", build: clangFor("arm-linux-gnueabihf"), nm: "arm-linux-gnueabihf-nm" },
  { name: "clang, Thumb-2", build: clangFor("thumbv7-linux-gnueabihf"), nm: "arm-linux-gnueabihf-nm" },
  { name: "clang, RISC-V", build: clangFor("riscv64-linux-gnu"), nm: "riscv64-linux-gnu-nm" },
  {
    name: "clang, little-endian POWER",
    build: clangFor("powerpc64le-linux-gnu"),
    nm: "powerpc64le-linux-gnu-nm",
  },
  { name: "clang, MIPS (32-bit, big-endian)", build: clangFor("mips-linux-gnu"), nm: "mips-linux-gnu-nm" },
  {
    name: "clang, MIPS64 (big-endian)",
    build: clangFor("mips64-linux-gnuabi64"),
    nm: "mips64-linux-gnuabi64-nm",
  },
  { name: "zlib", build: {}, convert: ["objcopy", "--compress-debug-sections=zlib"] },
  { name: "zstd", build: {}, convert: ["objcopy", "--compress-debug-sections=zstd"] },
  { name: ".zdebug", build: {}, convert: ["objcopy", "--compress-debug-sections=zlib-gnu"] },
  {
    name: "zlib, 32-bit and big-endian",
    build: clangFor("mips-linux-gnu"),
    nm: "mips-linux-gnu-nm",
    convert: ["mips-linux-gnu-objcopy", "--compress-debug-sections=zlib"],
  },
  { name: "dwz", build: { CFLAGS: "-gdwarf-4" }, convert: ["dwz", "-L", "none", "-l", "none", "-o"] },
];

/** The addresses of text symbols, without padding before functions and marks at section ends, which are not code. */
function textAddresses(listing: string): string[] {
  const found = listing.matchAll(/^(?:f{8})?([0-9a-f]{8,16}) [tT] (?!__pfx_|_e?text$|__entry_text_end$)/gm);
  return [...new Set(Array.from(found, ([, address]) => defined(address, "address in nm's line")))];
}

describe.each(FORMATS)("$name", ({ name, build, nm = "nm", convert }) => {
  const plain = join(directory, name.replace(/\W/g, "-"));
  let image = plain;

  beforeAll(() => {
    buildSample(plain, build);
    if (convert === undefined) return;
    image = `${plain}-converted`;
    const [command, ...args] = convert;
    tool(command, args.at(-1) === "-o" ? [...args, image, plain] : [...args, plain, image]);
  });

  test("the listing equals the output of nm -n", () => {
    const elf = openElf(image);
    const listing = elfListing(elf);
    expect(listing && textOf(listing)).toBe(nmListing(image, nm));
    elf.file.close();
  });

  test("locations equal those of other tools", async () => {
    const wide = openElf(plain).is64;
    const addresses = textAddresses(tool(nm, ["-n", plain]).toString()).map((address) =>
      wide ? address.padStart(16, "f") : address,
    );
    expect(addresses.length).toBeGreaterThan(9);
    const expected = expectedLocations(plain, addresses);
    expect(expected.filter((location) => location !== undefined).length).toBeGreaterThan(5);
    const ours = await resolved(image, addresses);
    const compared = addresses.flatMap((address, i) =>
      expected[i] === undefined ? [] : [`${address} ${ours[i]}`],
    );
    expect(compared).toEqual(
      addresses.flatMap((address, i) => (expected[i] === undefined ? [] : [`${address} ${expected[i]}`])),
    );
  });
});

test("the committed sample equals a build of its script", () => {
  const built = buildSample(join(directory, "vmlinux"), {});
  const sections = (path: string) => tool("readelf", ["-SW", path]).toString();
  expect(sections(built)).toBe(sections(SAMPLE));
});
