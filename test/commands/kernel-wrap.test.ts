// The nm wrapper, called as scripts/link-vmlinux.sh of Linux 5.10 to 7.3 calls it. test/boot builds kernels with it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../temporary-directory.ts";
import { tool } from "../tool.ts";
import { kasAlias } from "./program.ts";

const build = temporaryDirectory();
const wrapper = join(build, "kas-nm");
const path = (name: string) => join(build, name);
const NO_NODE = { NODE: path("no-node") };
const CONFIG = path("include/config/auto.conf");

const SOURCES = {
  "init/main.c": "int go_a(int), go_b(int);\nint start_kernel(void) { return go_a(1) + go_b(2); }\n",
  "drivers/a.c":
    "static int count;\n__attribute__((noipa)) static int twin(int x) { count++; return x + 1; }\nint go_a(int x) { return twin(x); }\n",
  "drivers/b.c":
    "\nstatic int count;\n__attribute__((noipa)) static int twin(int x) { count--; return x + 2; }\nint go_b(int x) { return twin(x); }\n",
};
const ALIASES = ["twin@drivers_a_c_2", "twin@drivers_b_c_3"];

/** Runs the wrapper in the build directory. */
function nm(args: readonly string[], env: Readonly<Record<string, string>> = {}, command = wrapper) {
  const { NODE: _, ...own } = process.env;
  const { status, stdout, stderr } = spawnSync("sh", ["-c", `exec ${command} "$@"`, "sh", ...args], {
    cwd: build,
    encoding: "utf8",
    env: { ...own, LC_ALL: "C", ...env },
  });
  return { status, stdout, stderr };
}

const inBuild = (...command: string[]) =>
  tool("sh", ["-c", 'cd "$0" && exec "$@"', build, ...command]).toString();
const realNm = (...args: string[]) => inBuild("nm", ...args);
const names = (listing: string) => [...listing.matchAll(/ (\S+@\S+)$/gm)].map(([, name]) => name);

function wrap(...args: string[]): void {
  expect(kasAlias(["kernel", "wrap", "-o", wrapper, ...args])).toEqual({ status: 0, stdout: "", stderr: "" });
}

function link(image: string, base: string, ...options: string[]): void {
  tool("ld", ["-e", "start_kernel", `-Ttext=${base}`, ...options, "-o", path(image), path("vmlinux.o")]);
}

beforeAll(() => {
  mkdirSync(path("include/config"), { recursive: true });
  writeFileSync(CONFIG, "CONFIG_KALLSYMS=y\n");
  writeFileSync(path("include/config/kernel.release"), "6.12.7\n");
  writeFileSync(path(".config"), "CONFIG_KALLSYMS=y\n");
  const objects = Object.entries(SOURCES).map(([name, text]) => {
    mkdirSync(join(path(name), ".."), { recursive: true });
    writeFileSync(path(name), text);
    const object = name.replace(/c$/, "o");
    inBuild("gcc", "-g", "-O2", "-fno-pic", "-ffreestanding", "-c", name, "-o", object);
    return object;
  });
  inBuild("ld", "-r", "-o", "vmlinux.o", ...objects);
  link(".tmp_vmlinux1", "0xffffffff81000000", "--strip-debug");
  link(".tmp_vmlinux2", "0xffffffff81200000", "--strip-debug");
  link("vmlinux", "0xffffffff81200000");
  tool("cp", [path("vmlinux"), path("vmlinux.unstripped")]);
  wrap();
});

describe("the listing of", () => {
  test("a temporary image has the aliases, each after its symbol, and all lines of nm", () => {
    const { status, stdout, stderr } = nm(["-n", ".tmp_vmlinux1"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "  ALIAS   .tmp_vmlinux1\n" });
    const lines = stdout.split("\n");
    expect(names(stdout)).toEqual(ALIASES);
    for (const [i, line] of lines.entries())
      if (line.includes("@")) expect(line.replace(/@.*/, "")).toBe(lines[i - 1]);
    expect(lines.filter((line) => !line.includes("@")).join("\n")).toBe(realNm("-n", ".tmp_vmlinux1"));
  });

  test("a later image has the same aliases, without its debug information being read", () => {
    tool("mv", [path("vmlinux.o"), path("away.o")]);
    const { status, stdout, stderr } = nm(["-n", ".tmp_vmlinux2"]);
    tool("mv", [path("away.o"), path("vmlinux.o")]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "  ALIAS   .tmp_vmlinux2\n" });
    expect(names(stdout)).toEqual(ALIASES);
    expect(stdout.replaceAll(/^.*@.*\n/gm, "")).toBe(realNm("-n", ".tmp_vmlinux2"));
  });

  test.each(["vmlinux", "vmlinux.unstripped"])(
    "%s is that of the last temporary image, without Node.js",
    (image) => {
      const last = nm(["-n", ".tmp_vmlinux2"]).stdout;
      expect(nm(["-n", image], NO_NODE)).toEqual({ status: 0, stdout: last, stderr: "" });
    },
  );

  test("a final image with other addresses has the aliases too", () => {
    nm(["-n", ".tmp_vmlinux1"]);
    const { status, stdout } = nm(["-n", "vmlinux"]);
    expect(status).toBe(0);
    expect(names(stdout)).toEqual(ALIASES);
    expect(stdout.replaceAll(/^.*@.*\n/gm, "")).toBe(realNm("-n", "vmlinux"));
  });

  test("an image twice, as Linux 5.10 asks for it, is the same", () => {
    const first = nm(["-n", ".tmp_vmlinux1"]).stdout;
    expect(nm(["-n", ".tmp_vmlinux1"]).stdout).toBe(first);
  });

  test("an image with debug information needs no other file", () => {
    link(".tmp_vmlinux.kallsyms1", "0xffffffff81000000");
    tool("mv", [path("vmlinux.o"), path("away.o")]);
    expect(names(nm(["-n", ".tmp_vmlinux.kallsyms1"]).stdout)).toEqual(ALIASES);
    tool("mv", [path("away.o"), path("vmlinux.o")]);
  });

  test("an image whose BTF is made from another link has the lines of that", () => {
    link(".tmp_vmlinux.btf", "0xffffffff81000000");
    link(".tmp_vmlinux.kallsyms1", "0xffffffff81000000", "--strip-debug");
    tool("mv", [path("vmlinux.o"), path("away.o")]);
    writeFileSync(path("vmlinux.o"), "");
    tool("touch", [path(".tmp_vmlinux.btf")]);
    expect(names(nm(["-n", ".tmp_vmlinux.kallsyms1"]).stdout)).toEqual(ALIASES);
    tool("mv", [path("away.o"), path("vmlinux.o")]);
    rmSync(path(".tmp_vmlinux.btf"));
  });

  test.each(["-B", "--synthetic"])(
    "an image with the %s of some architectures has the aliases too",
    (option) => {
      const { stdout } = nm(["-n", ".tmp_vmlinux1"], {}, `${wrapper} ${option}`);
      expect(names(stdout)).toEqual(ALIASES);
    },
  );
});

describe("nm itself, without Node.js, does", () => {
  test.each([
    ["-n", ".tmp_vmlinux1.kallsyms.o"],
    ["-n", "vmlinux.o"],
    ["vmlinux"],
    ["-S", "vmlinux"],
    ["-n", "-S", "--format=bsd", "vmlinux"],
    ["-u", "drivers/a.o"],
    ["-n", "drivers/a.o", "drivers/b.o"],
    ["-p", "--defined-only", "vmlinux.o"],
    ["--version"],
    ["-n", "missing"],
  ])("%s %s %s %s", (...args) => {
    tool("cp", [path("drivers/a.o"), path(".tmp_vmlinux1.kallsyms.o")]);
    nm(["-n", ".tmp_vmlinux1"]);
    const { status, stdout, stderr } = spawnSync("nm", args, {
      cwd: build,
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C" },
    });
    expect(nm(args, NO_NODE)).toEqual({ status, stdout, stderr });
  });

  test("a vmlinux without kallsyms, or outside a build", () => {
    nm(["-n", ".tmp_vmlinux1"]);
    const plain = { status: 0, stdout: realNm("-n", "vmlinux"), stderr: "" };
    writeFileSync(CONFIG, "# CONFIG_KALLSYMS is not set\n");
    expect(nm(["-n", "vmlinux"], NO_NODE)).toEqual(plain);
    rmSync(CONFIG);
    expect(nm(["-n", "vmlinux"], NO_NODE)).toEqual(plain);
    writeFileSync(CONFIG, "CONFIG_KALLSYMS=y\n");
    rmSync(path(".tmp_vmlinux.aliases"));
    expect(nm(["-n", "vmlinux"], NO_NODE)).toEqual(plain);
  });

  test.each([
    [{}, "nm"],
    [{ CROSS_COMPILE: "s390x-linux-gnu-" }, "s390x-linux-gnu-nm"],
    [{ LLVM: "1", CROSS_COMPILE: "s390x-linux-gnu-" }, "llvm-nm"],
    [{ LLVM: "-19" }, "llvm-nm-19"],
    [{ LLVM: "tools/" }, "tools/llvm-nm"],
  ])("the one that the kernel's Makefile selects with %o: %s", (env, command) => {
    const tools = path("tools");
    mkdirSync(tools, { recursive: true });
    for (const name of ["nm", "s390x-linux-gnu-nm", "llvm-nm", "llvm-nm-19"]) {
      writeFileSync(join(tools, name), `#!/bin/sh\necho "$0"\n`, { mode: 0o755 });
    }
    const { stdout } = nm(["x.o"], { ...env, PATH: `${tools}:${process.env.PATH}` });
    expect(stdout.trim().replace(`${tools}/`, "")).toBe(
      command.replace("tools/", command.startsWith("tools/") ? "tools/" : ""),
    );
  });

  test("the one of --nm", () => {
    wrap("--nm", "llvm-nm-19 --no-sort");
    expect(nm(["--version"], { CROSS_COMPILE: "x-" }).stdout).toContain("LLVM");
    wrap();
  });
});

describe("a failure", () => {
  /** What scripts/kallsyms refuses: a line that is no symbol. */
  const NO_LISTING = "kas-alias failed\n";

  test("prints one line to each stream", () => {
    expect(nm(["-n", ".tmp_vmlinux1"], NO_NODE)).toEqual({
      status: 1,
      stdout: NO_LISTING,
      stderr: `  ALIAS   .tmp_vmlinux1\nkas-alias: ${NO_NODE.NODE}: no such command; name a Node.js of version 20.19 or later with NODE=\n`,
    });
    expect(existsSync(path(".tmp_vmlinux.aliases"))).toBe(false);
    tool("mv", [path("vmlinux.o"), path("away.o")]);
    const { status, stdout, stderr } = nm(["-n", ".tmp_vmlinux1"]);
    tool("mv", [path("away.o"), path("vmlinux.o")]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: NO_LISTING });
    expect(stderr).toMatch(/^ {2}ALIAS {3}\.tmp_vmlinux1\nkas-alias: vmlinux\.o: cannot be read: .*\n$/);
  });

  test("of a later pass, and of nm", () => {
    nm(["-n", ".tmp_vmlinux1"]);
    tool("sed", ["-i", "/twin@drivers_a/d", path(".tmp_vmlinux.aliases")]);
    expect(nm(["-n", ".tmp_vmlinux2"])).toMatchObject({ status: 1, stdout: NO_LISTING });
    writeFileSync(path(".tmp_vmlinux1_1"), "no image");
    const { status, stdout, stderr } = nm(["-n", ".tmp_vmlinux1_1"]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: NO_LISTING });
    expect(stderr).toContain("nm: .tmp_vmlinux1_1: ");
  });
});

test("`make -s` gets no ALIAS line, V=1 the commands", () => {
  expect(nm(["-n", ".tmp_vmlinux1"], { quiet: "silent_" })).toMatchObject({ status: 0, stderr: "" });
  const { stderr } = nm(["-n", ".tmp_vmlinux1"], { KBUILD_VERBOSE: "1" });
  expect(stderr).toMatch(
    /^\+ \S*node \S*kas-alias\.mjs vmlinux \.tmp_vmlinux1 --nm \S+ --debug-file vmlinux\.o /m,
  );
});

test("options are passed on, whatever is in them", () => {
  wrap("--data", "--exclude", "it's $HOME*", "--separator", "!", "--no-disambiguate");
  const { stdout } = nm(["-n", ".tmp_vmlinux1"]);
  expect(stdout).toContain(" count!drivers_a_c_1\n");
  const [header] = readFileSync(path(".tmp_vmlinux.aliases"), "utf8").split("\n");
  expect(JSON.parse(header ?? "")).toMatchObject({
    kernel: "6.12.7",
    options: { data: true, separator: "!", exclude: ["it's $HOME*"], disambiguate: false },
  });
  wrap();
});

describe("`kernel wrap`", () => {
  test("prints the script, or writes it to a file that can be run", () => {
    const { status, stdout, stderr } = kasAlias(["kernel", "wrap"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(readFileSync(wrapper, "utf8"));
    expect(statSync(wrapper).mode & 0o777).toBe(0o755);
    tool("dash", ["-n", wrapper]);
    tool("bash", ["--posix", "-n", wrapper]);
  });

  test("has make link again if the options have changed, and only then", () => {
    const commands = [".vmlinux.cmd", ".vmlinux.unstripped.cmd"].map(path);
    const images = [".tmp_vmlinux1", ".tmp_vmlinux2"];
    const setTime = (time: Date) => {
      for (const image of images) utimesSync(path(image), time, time);
    };
    /** Whether make links again after `wrap`; the link then lists the images. */
    const linksAgain = (...args: string[]) => {
      for (const command of commands) writeFileSync(command, "");
      wrap("--build", build, ...args);
      const left = commands.filter((command) => existsSync(command)).length;
      expect([0, 2]).toContain(left);
      setTime(new Date());
      for (const image of images) expect(nm(["-n", image])).toMatchObject({ status: 0 });
      return left === 0;
    };
    expect(linksAgain()).toBe(true);
    expect(linksAgain()).toBe(false);
    expect(linksAgain("--data")).toBe(true);
    expect(linksAgain("--data")).toBe(false);
    expect(linksAgain()).toBe(true);
    // A link without the wrapper.
    setTime(new Date(Date.now() + 1000));
    expect(linksAgain()).toBe(true);
    expect(linksAgain()).toBe(false);
    // make clean
    rmSync(path(".tmp_vmlinux.stamp"));
    expect(linksAgain()).toBe(true);
    const counts = path("counts");
    writeFileSync(counts, "twin:2\n");
    expect(linksAgain("--symbol-frequency", counts)).toBe(true);
    expect(linksAgain("--symbol-frequency", counts)).toBe(false);
    writeFileSync(counts, "twin:3\n");
    expect(linksAgain("--symbol-frequency", counts)).toBe(true);
    wrap();
  });

  test("refuses a directory that is not a configured build", () => {
    const { status, stderr } = kasAlias(["kernel", "wrap", "-o", wrapper, "--build", path("drivers")]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `kas-alias: ${path("drivers")}: is not the build directory of a kernel: it has no .config; configure the kernel first\n`,
    });
  });
});
