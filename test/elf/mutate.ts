// A process that damages an image again and again and aliases the result. test/elf/damaged-files.test.ts bundles
// and runs it: node mutate.mjs <image> <directory> <seed> <runs>. It prints a line after each run, and ends with status 1
// at the first run that ends in anything but success or a one-line Failure.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { aliasVmlinux } from "../../src/alias/alias-vmlinux.ts";
import { openElf } from "../../src/elf/elf-file.ts";
import { Failure } from "../../src/failure.ts";
import { tableLines } from "../../src/table/alias-table.ts";

const MEMORY_LIMIT = 1 << 30;
const MESSAGE_LIMIT = 1000;

const [image, directory, seed, runs] = process.argv.slice(2);
if (image === undefined || directory === undefined) throw new Error("an image and a directory are wanted");
const original = readFileSync(image);
const damaged = join(directory, "vmlinux");

/** Where a change does the most harm: the ELF header, the section headers, and the beginnings of sections. */
function tenderSpots(path: string): { start: number; length: number }[] {
  const elf = openElf(path);
  const sections = elf.sections.filter(({ name }) => /^\.(z?debug_|symtab|strtab|shstrtab|notes)/.test(name));
  elf.file.close();
  const headers = elf.sections.length * (elf.is64 ? 64 : 40);
  return [
    { start: 0, length: 64 },
    { start: original.length - headers, length: headers },
    { start: original.length - headers, length: headers },
    { start: 0, length: original.length },
    ...sections.map(({ offset, size }) => ({ start: offset, length: Math.min(size, 64) })),
    ...sections.map(({ offset, size }) => ({ start: offset, length: size })),
  ];
}

const spots = tenderSpots(image);
const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff), fc.nat(255));
const edit = fc.record({
  spot: fc.constantFrom(...spots),
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  bytes: fc.oneof(
    { weight: 4, arbitrary: fc.tuple(byte) },
    { weight: 1, arbitrary: fc.array(byte, { minLength: 1, maxLength: 12 }) },
  ),
});
const damage = fc.record({
  edits: fc.oneof(
    { weight: 3, arbitrary: fc.tuple(edit) },
    { weight: 2, arbitrary: fc.array(edit, { minLength: 1, maxLength: 12 }) },
  ),
  size: fc.oneof(
    { weight: 5, arbitrary: fc.constant(original.length) },
    { weight: 1, arbitrary: fc.nat(original.length) },
  ),
});

function damageFile({
  edits,
  size,
}: {
  edits: { spot: { start: number; length: number }; at: number; bytes: number[] }[];
  size: number;
}) {
  const bytes = Buffer.from(original);
  for (const { spot, at, bytes: changed } of edits)
    bytes.set(
      changed.slice(0, bytes.length - 12),
      Math.min(spot.start + Math.floor(at * spot.length), bytes.length - 12),
    );
  writeFileSync(damaged, bytes.subarray(0, size));
}

/** @param declared look up declarations too, not only lines */
async function aliasDamaged(declared: boolean): Promise<void> {
  const elf = openElf(damaged);
  try {
    const location = declared ? "decl" : "entry";
    const options = { data: declared, location, signatures: declared, locateAll: true } as const;
    const result = await aliasVmlinux({ image: elf }, options);
    for (const line of tableLines(result.header, result.rows())) JSON.parse(line.toString());
    for (const _ of result.lines());
  } finally {
    elf.file.close();
  }
}

let good = 0;
let declared = false;
for (const plan of fc.sample(damage, { seed: Number(seed), numRuns: Number(runs) })) {
  declared = !declared;
  damageFile(plan);
  let fault: string | undefined;
  try {
    await aliasDamaged(declared);
    good++;
  } catch (error) {
    if (!(error instanceof Failure))
      fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
    else if (/\p{Cc}/u.test(error.message) || error.message.length > MESSAGE_LIMIT)
      fault = `message: ${error.message}`;
  }
  const { rss } = process.memoryUsage();
  if (rss > MEMORY_LIMIT) fault ??= `${rss} bytes of memory`;
  if (fault !== undefined) {
    process.stdout.write(`${JSON.stringify({ fault, plan })}\n`);
    process.exit(1);
  }
  process.stdout.write(".\n");
}
process.stdout.write(`good ${good}\n`);
