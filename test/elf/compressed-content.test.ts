// Compressed content: what the formats' own tools refuse is refused, within bounded memory, files and time.
import { lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/elf/byte-source.ts";
import { openPossiblyCompressed } from "../../src/elf/compressed-file.ts";
import { unzstd, unzstdWhole } from "../../src/elf/decompress.ts";
import { Scratch } from "../../src/elf/scratch.ts";
import { loadZstd } from "../../src/elf/zstd.ts";
import { kasAlias, PROGRAM } from "../commands/program.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { outcome, tool } from "../tool.ts";

const directory = temporaryDirectory();
const path = (name: string) => join(directory, name);

async function unpacked(bytes: Uint8Array): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of unzstd(memorySource("packed", bytes), 0)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe("Zstandard", () => {
  const content = readFileSync(SAMPLE).subarray(0, 20_000);
  const packed = tool("zstd", ["-q", "-19", "--check", "-c"], content);

  test("every form that zstd writes", async () => {
    await loadZstd();
    const large = Buffer.concat(Array.from({ length: 20 }, () => readFileSync(SAMPLE)));
    for (const options of [["-1"], ["-19"], ["--no-check"], ["--fast=5"], ["-3", "--no-content-size"]]) {
      for (const whole of [Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(300_000), content, large]) {
        const bytes = tool("zstd", ["-q", "-c", ...options], whole);
        expect((await unpacked(bytes)).equals(whole)).toBe(true);
        expect(Buffer.from(unzstdWhole(memorySource("packed", bytes), 0, whole.length)).equals(whole)).toBe(
          true,
        );
      }
    }
  });

  test("several frames, and frames to skip", async () => {
    const skipped = Buffer.from("502a4d180300000061626300", "hex").subarray(0, 11);
    const two = Buffer.concat([skipped, packed, skipped, packed]);
    expect((await unpacked(two)).equals(Buffer.concat([content, content]))).toBe(true);
  });

  test("a flipped bit that zstd refuses is refused", async () => {
    for (let at = 4; at < packed.length; at += Math.ceil(packed.length / 60)) {
      const flipped = Buffer.from(packed);
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
      const isSound = outcome("zstd", ["-q", "-t", "-"], flipped).status === 0;
      const isAccepted = await unpacked(flipped).then(
        () => true,
        () => false,
      );
      expect({ at, isAccepted }).toEqual({ at, isAccepted: isSound });
    }
    const last = Buffer.from(packed);
    last.writeUInt8(last.readUInt8(last.length - 1) ^ 1, last.length - 1);
    await expect(unpacked(last)).rejects.toThrow(/checksum/);
    await expect(unpacked(packed.subarray(0, packed.length - 1))).rejects.toThrow();
  });

  test("a window that needs too much memory is refused", async () => {
    const zeros = path("zeros");
    tool("truncate", ["-s", "300M", zeros]);
    const bytes = tool("zstd", ["-q", "-c", "--ultra", "-22", "--long=31", "--no-content-size", zeros]);
    await expect(unpacked(bytes)).rejects.toThrow(/window|memory/i);
  });
});

test("a small file that unpacks to gigabytes is refused in little memory", () => {
  const packed = path("bomb.ko.zst");
  tool("bash", ["-c", `head -c 3000000000 /dev/zero | zstd -q -19 -c > ${packed}`]);
  const run = ["-v", process.execPath, PROGRAM, "modules", packed, "--table", "-"];
  const { status, stderr } = outcome("/usr/bin/time", run);
  expect(status).toBe(1);
  expect(stderr).toContain(`${packed}: unpacks to more than `);
  expect(Number(/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr)?.[1])).toBeLessThan(400_000);
});

describe("a compressed section", () => {
  /** The sample with one section in Elf64_Chdr's form. */
  const withSection = (name: string, size: number, packed: Uint8Array) => {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(1, 0);
    header.writeBigUInt64LE(BigInt(size), 8);
    header.writeBigUInt64LE(1n, 16);
    writeFileSync(path("section"), Buffer.concat([header, packed]));
    const out = path("vmlinux");
    tool("objcopy", ["--update-section", `${name}=${path("section")}`, SAMPLE, out]);
    const bytes = readFileSync(out);
    const [, index] =
      new RegExp(`\\[ *(\\d+)\\] ${name} `).exec(tool("readelf", ["-SW", out]).toString()) ?? [];
    const flags = Number(bytes.readBigUInt64LE(0x28)) + 64 * Number(index) + 8;
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE(flags) | 0x800n, flags);
    writeFileSync(out, bytes);
    return out;
  };

  test("that cannot hold the size in its header is refused before anything is written", () => {
    const image = withSection(".debug_line", 2 ** 40, deflateSync(Buffer.alloc(100)));
    const { status, stderr } = kasAlias(["vmlinux", image]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/\.debug_line: its \d+ compressed bytes cannot hold the 1099511627776 bytes /);
  });

  test.each([10, 2 ** 26])("of another size than the %d bytes in its header is refused", (size) => {
    const image = withSection(".debug_line", size, deflateSync(Buffer.alloc(2 ** 27)));
    const { status, stderr } = kasAlias(["vmlinux", image]);
    expect(status).toBe(1);
    expect(stderr).toContain(`does not decompress to the ${size} bytes that its header gives`);
  });
});

test("content is in memory as long as it fits, then in one temporary file without a name", async () => {
  const scratch = new Scratch();
  const temporaries = () =>
    readdirSync("/proc/self/fd").flatMap((fd) => {
      const link = `/proc/self/fd/${fd}`;
      const target = lstatSync(link, { throwIfNoEntry: false }) === undefined ? "" : readlinkSync(link);
      return target.includes("/kas-alias-") ? [target] : [];
    });
  async function* pieces(count: number, value: number) {
    for (let i = 0; i < count; i++) yield new Uint8Array(1 << 20).fill(value);
  }
  const small = await scratch.store("small", pieces(8, 1), 2 ** 30);
  expect(temporaries()).toEqual([]);
  const large = await scratch.store("large", pieces(40, 2), 2 ** 30);
  const larger = await scratch.store("larger", pieces(33, 3), 2 ** 30);
  expect(temporaries()).toEqual([expect.stringMatching(/ \(deleted\)$/)]);
  for (const [source, megabytes, value] of [
    [small, 8, 1],
    [large, 40, 2],
    [larger, 33, 3],
  ] as const) {
    expect(source.size).toBe(megabytes << 20);
    const ends = [source.read(0, 3), source.read(source.size - 3, 3)].map((bytes) => [...bytes]);
    expect(ends).toEqual([Array(3).fill(value), Array(3).fill(value)]);
    const loaded = new Uint8Array(2);
    await source.load(source.size - 2, loaded);
    expect([...loaded]).toEqual([value, value]);
  }
  scratch.close();
  expect(temporaries()).toEqual([]);
  expect(() => scratch.reserve("dwz.debug", 2 ** 30)).toThrow(
    /^dwz\.debug: its decompressed sections take more than/,
  );
});

describe("xz", () => {
  test.each(["none", "crc32", "crc64"])("--check=%s", async (check) => {
    writeFileSync(path("vmlinux.xz"), tool("xz", [`--check=${check}`, "-c", SAMPLE]));
    const elf = await openPossiblyCompressed(path("vmlinux.xz"));
    expect(Buffer.from(elf.file.read(0, elf.file.size)).equals(readFileSync(SAMPLE))).toBe(true);
    elf.file.close();
  });

  test("--check=sha256 is refused with what to do", () => {
    const packed = path("vmlinux.sha256.xz");
    writeFileSync(packed, tool("xz", ["--check=sha256", "-c", SAMPLE]));
    expect(kasAlias(["vmlinux", packed]).stderr).toBe(
      `kas-alias: ${packed}: its check, SHA-256, is not supported, only CRC32 and CRC64; compress it again with xz --check=crc32\n`,
    );
  });

  test("errors are in words", () => {
    const packed = tool("xz", ["-c", SAMPLE]);
    writeFileSync(path("cut.xz"), packed.fill(0x55, 5000, 5100));
    expect(kasAlias(["vmlinux", path("cut.xz")]).stderr).toMatch(
      /cut\.xz: cannot be unpacked: it is damaged; /,
    );
  });
});
