import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { SHF_ALLOC, SHT_REL, SHT_RELA } from "../../src/constants/elf.ts";
import { openElf } from "../../src/elf/elf-file.ts";
import { layOutSections } from "../../src/elf/section-layout.ts";
import { tool } from "../tool.ts";

const LINUX = fileURLToPath(new URL("../../samples/linux", import.meta.url));
const SOURCES = ["mm/slub.c", "init/main.c", "drivers/rtc/sysfs.c", "net/ipv4/ip_output.c"];

export interface Toolchain {
  /** A compiler and its flags. */
  readonly cc: readonly string[];
  /** A linker. */
  readonly ld: string;
}

/** Some units of the sample kernel as one relocatable file, as modules are linked. */
export function buildRelocatable(out: string, { cc, ld }: Toolchain): string {
  const [compiler = "", ...flags] = cc;
  const common = ["-std=gnu11", "-O2", "-g", "-ffreestanding", "-fno-pic", `-I${LINUX}/include`];
  const objects = SOURCES.map((source) => {
    const object = `${out}-${basename(source)}.o`;
    tool(compiler, [...common, ...flags, "-c", "-o", object, `${LINUX}/${source}`]);
    return object;
  });
  tool(ld, ["-r", "--build-id=sha1", "-o", out, ...objects]);
  return out;
}

/** A cross assembler whose compiler is too large for the tests. */
export interface Assembler {
  /** The prefix of its programs. */
  readonly target: string;
  /** Default: `nop`. */
  readonly nop?: string;
  /** The sizes of the symbol references in data that it has relocations for, in bytes. */
  readonly widths: readonly number[];
}

/** Two units of assembly as one relocatable file, with the debug information that GNU as creates. */
export function assembleRelocatable(
  out: string,
  { target, nop = "nop", widths }: Assembler,
  dwarf: number,
): string {
  const code = (section: string, names: readonly string[]) =>
    names.map(
      (name) =>
        `\t.section ${section},"ax",%progbits\n\t.type ${name}, %function\n${name}:\n\t${nop}\n\n\t${nop}\n\t.size ${name}, .-${name}\n`,
    );
  const directive: Readonly<Record<number, string>> = { 1: ".byte", 2: ".2byte", 4: ".4byte", 8: ".8byte" };
  const references = widths.map((width) => `\t.balign ${width}\n\t${directive[width]} small + ${width}\n`);
  const units = {
    first: [
      ...code(".text", ["a", "b", "c"]),
      ...code(".init.text", ["d", "e"]),
      '\t.section .debug_widths,"",%progbits\n',
      ...references,
    ],
    // Other sections, since ld -r of hppa does not merge code.
    second: ["\t.globl small\nsmall = 0x12\n", ...code(".text.g", ["f", "g"]), ...code(".exit.text", ["h"])],
  };
  const objects = Object.entries(units).map(([name, source]) => {
    writeFileSync(`${out}-${name}.s`, source.join(""));
    tool(`${target}-as`, [`--gdwarf-${dwarf}`, "-o", `${out}-${name}.o`, `${out}-${name}.s`]);
    return `${out}-${name}.o`;
  });
  tool(`${target}-ld`, ["-r", "-o", out, ...objects]);
  return out;
}

/**
 * Links a relocatable file so that its sections are at the addresses of `layOutSections`. Nothing else changes: strings
 * are not merged, and the code is neither relocated nor relaxed.
 */
export function linkInPlace(object: string, ld: string): string {
  const elf = openElf(object);
  const bases = layOutSections(elf);
  const bytes = readFileSync(object);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { is64, littleEndian, sections } = elf;
  const number = (at: number) => view.getUint32(at, littleEndian);
  const put = (at: number, value: number) => view.setUint32(at, value, littleEndian);
  const headers = number(is64 ? (littleEndian ? 40 : 44) : 32);
  const member = is64
    ? { flags: littleEndian ? 8 : 12, link: 40, info: 44 }
    : { flags: 8, link: 24, info: 28 };
  for (const { index, flags, type, info } of sections) {
    const header = headers + index * (is64 ? 64 : 40);
    const merged = 0x30; // SHF_MERGE | SHF_STRINGS
    put(header + member.flags, flags & ~merged);
    if ((type === SHT_REL || type === SHT_RELA) && ((sections[info]?.flags ?? 0) & SHF_ALLOC) !== 0) {
      put(header + 4, 1); // SHT_PROGBITS
      put(header + member.flags, 0);
      put(header + member.link, 0);
      put(header + member.info, 0);
    }
  }
  elf.file.close();
  writeFileSync(`${object}-unmerged`, bytes);

  const lines = sections.flatMap(({ name, index, flags }) => {
    if ((flags & SHF_ALLOC) !== 0) return `"${name}" ${bases[index]} : SUBALIGN(1) { *("${name}") }`;
    return name.startsWith(".debug_") ? `${name} 0 : { *(${name}) }` : [];
  });
  writeFileSync(`${object}.lds`, `SECTIONS {\n${[...new Set(lines)].join("\n")}\n}\n`);
  const image = `${object}-linked`;
  const lenient = ["--unresolved-symbols=ignore-all", "--no-check-sections", "-e", "0"];
  tool(ld, [...lenient, "-T", `${object}.lds`, "-o", image, `${object}-unmerged`]);
  return image;
}
