// A .debug_aranges that is damaged, or lacks units: the answers are those of the units' own ranges.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findSection, openElf } from "../../src/elf/elf-file.ts";
import { defined } from "../defined.ts";
import { answersOf, resolved } from "../locations.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();
let copies = 0;

const elf = openElf(SAMPLE);
const section = defined(findSection(elf, ".debug_aranges"), ".debug_aranges");
elf.file.close();

const addresses = Array.from(
  tool("nm", ["-n", SAMPLE])
    .toString()
    .matchAll(/^(\w{16}) [tT] (?!__pfx_)/gm),
  ([, address]) => defined(address, "address in nm's line"),
);

/** A copy of the sample kernel with its .debug_aranges changed. */
function changed(change: (aranges: Buffer) => void): string {
  const bytes = readFileSync(SAMPLE);
  change(bytes.subarray(section.offset, section.offset + section.size));
  const copy = join(directory, `vmlinux-${copies++}`);
  writeFileSync(copy, bytes);
  return copy;
}

/** The start of each set. A set's length follows: 4 bytes that do not count themselves. */
function sets(aranges: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < aranges.length; at += aranges.readUInt32LE(at) + 4) starts.push(at);
  return starts;
}

const setOf = (aranges: Buffer, index: number) => defined(sets(aranges)[index], `set ${index}`);

test.each<[string, (aranges: Buffer) => void]>([
  ["of version 3", (aranges) => aranges.writeUInt16LE(3, setOf(aranges, 1) + 4)],
  [
    "of version 9 in its last set",
    (aranges) => aranges.writeUInt16LE(9, setOf(aranges, -1 + sets(aranges).length) + 4),
  ],
  ["with 3-byte addresses", (aranges) => aranges.writeUInt8(3, 10)],
  ["with segments", (aranges) => aranges.writeUInt8(4, 11)],
  ["of a unit that does not exist", (aranges) => aranges.writeUInt32LE(0xffffff, 6)],
  ["of a unit in the middle of another", (aranges) => aranges.writeUInt32LE(aranges.readUInt32LE(6) + 13, 6)],
  ["with a reserved length", (aranges) => aranges.writeUInt32LE(0xfffffff5, 0)],
  ["with a length past its end", (aranges) => aranges.writeUInt32LE(0xffffff, 0)],
  [
    "with a set that contains the next one",
    (aranges) => aranges.writeUInt32LE(setOf(aranges, 4) - setOf(aranges, 2) - 4, setOf(aranges, 2)),
  ],
  ["with a set that is too short", (aranges) => aranges.writeUInt32LE(aranges.readUInt32LE(0) - 16, 0)],
  [
    "with a range instead of the end of a set",
    (aranges) => {
      const end = setOf(aranges, 3) - 16;
      aranges.writeBigUInt64LE(BigInt(`0x${addresses[20]}`), end);
      aranges.writeBigUInt64LE(0x1000n, end + 8);
    },
  ],
  ["that is empty", (aranges) => aranges.fill(0)],
])("%s is not needed", async (_, change) => {
  const copy = changed(change);
  expect(await resolved(copy, addresses)).toEqual(answersOf("llvm-addr2line", SAMPLE, addresses));
});

test("a unit that it lacks is found by its own ranges", async () => {
  const bytes = readFileSync(SAMPLE).subarray(section.offset, section.offset + section.size);
  const [content, copy] = [join(directory, "aranges"), join(directory, "without-a-set")];
  writeFileSync(
    content,
    Buffer.concat([bytes.subarray(0, setOf(bytes, 3)), bytes.subarray(setOf(bytes, 4))]),
  );
  tool("objcopy", [`--update-section=.debug_aranges=${content}`, SAMPLE, copy]);
  expect(await resolved(copy, addresses)).toEqual(answersOf("llvm-addr2line", SAMPLE, addresses));
});
