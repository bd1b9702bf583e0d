// vmlinux.o has the debug information of the images that are linked from it.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kasAlias } from "./program.ts";

/** Compiles sources into a new directory. @returns that, and the objects in the order of the sources */
function compile(
  compiler: string,
  sources: Readonly<Record<string, string>>,
): { place: string; objects: string[] } {
  const place = temporaryDirectory();
  const objects = Object.entries(sources).map(([name, text]) => {
    const object = join(place, name.replace(/[cS]$/, "o"));
    mkdirSync(dirname(object), { recursive: true });
    writeFileSync(join(place, name), text);
    const command = 'cd "$0" && exec "$@"';
    const options = ["-g", "-O1", "-fno-pic", "-ffreestanding", "-c", name, "-o", object];
    tool("sh", ["-c", command, place, compiler, ...options]);
    return object;
  });
  return { place, objects };
}

/** The aliases of an image, and the header of their table. */
function aliasesOf(image: string, object: string): { names: (string | undefined)[]; kernel: string } {
  const table = `${image}.jsonl`;
  const listing = `${image}.nm`;
  writeFileSync(listing, tool("nm", ["-n", image]));
  const args = ["vmlinux", image, "--nm", listing, "--debug-file", object, "-o", "-", "--table", table];
  const { status, stdout, stderr } = kasAlias(args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const names = Array.from(stdout.matchAll(/ (\S+@\S+)$/gm), ([, name]) => name);
  return { names, kernel: JSON.parse(readFileSync(table, "utf8").split("\n")[0] ?? "").kernel };
}

describe.each([
  ["clang-19", "ld.lld-19"],
  ["gcc", "ld.bfd"],
])("%s and %s", (compiler, linker) => {
  test("a hidden symbol is global in the object, and in the image of no file, wherever the linker puts it", () => {
    const { place, objects } = compile(compiler, {
      "a.c":
        '__attribute__((visibility("hidden"), noinline)) int foo(int x) { return x * 3; }\nint start_kernel(int x) { return foo(x); }\n',
      "b.c":
        "\n\n__attribute__((noinline)) static int foo(int x) { return x + 7; }\nint bar(int x) { return foo(x) - 1; }\n",
    });
    const [object, image] = [join(place, "vmlinux.o"), join(place, ".tmp_vmlinux1")];
    tool(linker, ["-r", "-o", object, ...objects]);
    tool(linker, ["--strip-debug", "-e", "start_kernel", "-o", image, object]);
    const symbols = tool("readelf", ["-sW", image]).toString();
    expect(symbols).toMatch(linker === "ld.bfd" ? /GLOBAL HIDDEN .* foo$/m : /LOCAL {2}HIDDEN .* foo$/m);
    expect(aliasesOf(image, object).names.sort()).toEqual(["foo@a_c_1", "foo@b_c_3"]);
  });
});

test("the linked image tells which kernel it is, and so how its names are compared", () => {
  const banner = (release: string) =>
    `const char linux_banner[] = "Linux version ${release} (x@y) (clang version 19) #1\\n";\n`;
  const { place, objects } = compile("gcc", {
    "init/main.c": "int one(void), two(void);\nint start_kernel(void) { return one() + two(); }\n",
    "a.c": "int one(void) { return 1; }\nint two(void) { return 2; }\n",
    "b.c":
      '__attribute__((noipa)) static int work(void) { return 3; }\nint (*use)(void) = work;\n__asm__(".globl work.llvm.123\\n.type work.llvm.123, @function\\nwork.llvm.123: ret\\n.size work.llvm.123, 1\\n");\n',
    "old.c": banner("6.4.16"),
    "new.c": banner("6.12.7"),
  });
  const [old, recent] = [objects[3] ?? "", objects[4] ?? ""];
  const object = join(place, "vmlinux.o");
  tool("ld", ["-r", "-o", object, ...objects.slice(0, 3)]);
  const image = (version: string) => {
    const path = join(place, `vmlinux-${version === old ? "old" : "new"}`);
    tool("ld", ["--strip-debug", "-e", "start_kernel", "-o", path, object, version]);
    return aliasesOf(path, object);
  };
  // Up to 6.10 a look-up by name compares only what is before .llvm.; since then whole names (kernel/kallsyms.c).
  expect(image(old)).toMatchObject({ kernel: "6.4.16", names: { length: 2 } });
  const { kernel, names } = image(recent);
  expect(kernel).toBe("6.12.7");
  expect(names).toEqual([expect.stringMatching(/^work@/)]);
});
