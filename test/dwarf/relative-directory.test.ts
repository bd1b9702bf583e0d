// Line programs of DWARF 5 whose first directory is not the compilation directory, as GNU as 2.35 to 2.37 wrote them.
import { join } from "node:path";
import { expect, test } from "vitest";
import { answersOf, resolved } from "../locations.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";

const directory = temporaryDirectory();
let images = 0;

interface Tables {
  /** DW_FORM_string, or DW_FORM_line_strp, which has a faster reader. */
  readonly form: 0x08 | 0x1f;
  readonly compilationDirectory: string;
  readonly directories: readonly string[];
  /** The directory of the file that the only row has. */
  readonly file: number;
}

/** An image with a function in line 7 of a file. */
function build({ form, compilationDirectory, directories, file }: Tables): string {
  const out = join(directory, `image-${images++}`);
  const string = (text: string, i: number) =>
    form === 0x08
      ? `.asciz "${text}"`
      : `.long .Ls${i}\n.pushsection .debug_line_str,"MS",@progbits,1\n.Ls${i}: .asciz "${text}"\n.popsection`;
  const source = `
    .text
    .type local_copy,@function
    local_copy: nop; ret
    .size local_copy,.-local_copy
    .globl _start
    _start: nop
    .Lend:
    .section .debug_info,"",@progbits
    .long .Le-.Ls
    .Ls: .short 5; .byte 1,8; .long 0; .uleb128 1
    .long 0; .quad local_copy; .quad .Lend-local_copy
    .asciz "arch/x86/lib/copy.S"; .asciz "${compilationDirectory}"
    .Le:
    .section .debug_abbrev,"",@progbits
    .uleb128 1,0x11; .byte 0; .uleb128 0x10,0x17, 0x11,0x01, 0x12,0x07, 0x03,0x08, 0x1b,0x08, 0,0
    .byte 0
    .section .debug_line,"",@progbits
    .long .Lle-.Lls
    .Lls: .short 5; .byte 8,0; .long .Lp-.Lh
    .Lh: .byte 1,1,1,-5,14,13, 0,1,1,1,1,0,0,0,1,0,0,1
    .byte 1; .uleb128 1,${form}; .uleb128 ${directories.length}
    ${directories.map(string).join("\n")}
    .byte 2; .uleb128 1,${form}, 2,0xf; .uleb128 2
    ${[file, file].map((of, i) => `${string("copy.S", 10 + i)}\n.uleb128 ${of}`).join("\n")}
    .Lp: .byte 0,9,2; .quad local_copy
    .byte 3,6,1, 2,3,0,1,1
    .Lle:
  `;
  tool("gcc", ["-c", "-o", `${out}.o`, "-x", "assembler", "-"], source);
  tool("ld", ["-Ttext=0xffffffff81000000", "-e", "0", "-o", out, `${out}.o`]);
  return out;
}

const ADDRESS = "ffffffff81000000";
const LIB = "arch/x86/lib";

test.each(
  ([0x08, 0x1f] as const).flatMap((form) => [
    { form, compilationDirectory: "/build/linux", directories: [LIB, LIB], file: 1 },
    { form, compilationDirectory: "/build/linux", directories: [LIB, LIB], file: 0 },
    { form, compilationDirectory: "/build/linux", directories: ["/build/linux", LIB], file: 1 },
    { form, compilationDirectory: "build/linux", directories: ["build/linux", LIB], file: 1 },
  ]),
)("form $form, $compilationDirectory, $directories, file in $file", async (tables) => {
  const image = build(tables);
  const expected = `${tables.compilationDirectory}/${LIB}/copy.S:7`;
  expect(await resolved(image, [ADDRESS])).toEqual([expected]);
  expect(answersOf("llvm-addr2line", image, [ADDRESS])).toEqual([expected]);
});
