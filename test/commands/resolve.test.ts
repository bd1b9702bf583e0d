import { describe, expect, test } from "vitest";
import { defined } from "../defined.ts";
import { SAMPLE } from "../sample-kernel.ts";
import { tool } from "../tool.ts";
import { kasAlias } from "./program.ts";

const ADDRESSES = tool("nm", ["-n", SAMPLE])
  .toString()
  .split("\n")
  .filter((line) => / [tT] (?!__pfx_|_etext)/.test(line))
  .map((line) => line.slice(0, 16));

/** An address within text with a known line. */
const KNOWN = defined(ADDRESSES[40], "41 addresses in the sample");

const answers = (text: string) => text.trimEnd().split("\n");

describe("resolve", () => {
  test("answers addresses on standard input like llvm-addr2line", () => {
    const { status, stdout, stderr } = kasAlias(["resolve", SAMPLE], `${ADDRESSES.join("\n")}\n`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const llvm = answers(
      tool("llvm-addr2line", ["-e", SAMPLE], `${ADDRESSES.map((a) => `0x${a}`).join("\n")}\n`).toString(),
    );
    expect(answers(stdout)).toHaveLength(ADDRESSES.length);
    const clean = (path: string) => path.replace(/ \(discriminator \d+\)$/, "").replace(/[^/]+\/\.\.\//g, "");
    const known = llvm.flatMap((answer, i) => (/:0$|^\?\?/.test(answer) ? [] : [i]));
    expect(known.length).toBeGreaterThan(50);
    for (const i of known) expect(clean(answers(stdout)[i] ?? "")).toBe(clean(llvm[i] ?? ""));
  });

  test("answers addresses given as arguments, with or without 0x", () => {
    const some = ADDRESSES.slice(0, 5);
    const piped = kasAlias(["resolve", SAMPLE], some.join("\n")).stdout;
    expect(kasAlias(["resolve", SAMPLE, ...some]).stdout).toBe(piped);
    expect(kasAlias(["resolve", SAMPLE, ...some.map((a) => `0X${a.toUpperCase()}`)]).stdout).toBe(piped);
  });

  test("answers in input order, including repeated addresses", () => {
    const one = KNOWN;
    const [first, second, third] = answers(kasAlias(["resolve", SAMPLE, one, "0", one]).stdout);
    expect(first).toMatch(/:\d+$/);
    expect(second).toBe("??:0");
    expect(third).toBe(first);
  });

  test("gives ??:0 for an address without code", () => {
    expect(kasAlias(["resolve", SAMPLE, "0", "ffffffffffffffff", "1234"]).stdout).toBe("??:0\n??:0\n??:0\n");
  });

  test("prints nothing for empty input", () => {
    expect(kasAlias(["resolve", SAMPLE], "")).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("accepts CR LF and spaces around an address", () => {
    const one = KNOWN;
    const plain = kasAlias(["resolve", SAMPLE, one]).stdout;
    expect(kasAlias(["resolve", SAMPLE], `  ${one}\r\n`).stdout).toBe(plain);
  });

  test("can use another tool", () => {
    const args = ["--resolver", "addr2line", "--addr2line", "llvm-addr2line"];
    const { stdout } = kasAlias(["resolve", SAMPLE, ...args], ADDRESSES.join("\n"));
    const llvm = tool("llvm-addr2line", ["-e", SAMPLE], ADDRESSES.map((a) => `0x${a}\n`).join(""));
    const plain = llvm
      .toString()
      .replace(/ \(discriminator \d+\)/g, "")
      .replace(/^.*:[0?]$/gm, "??:0");
    expect(stdout).toBe(plain);
  });

  test.each(["xyz", "-", "ffffffff8100000000", "12 34", "0x", "", "\u001b[31m"])(
    "refuses %j as an address",
    (text) => {
      const { status, stdout, stderr } = kasAlias(["resolve", SAMPLE], `10\n${text}\n20\n`);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(/^kas-alias: [^\n\p{Cc}]*is not an address; give hexadecimal digits\n$/u);
    },
  );

  test("refuses a relocatable file, which has no addresses", () => {
    const object = "/usr/lib/x86_64-linux-gnu/crt1.o";
    const { status, stderr } = kasAlias(["resolve", object, "0"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^kas-alias: \S+crt1\.o: is a relocatable file, [^\n]+\n$/);
  });
});
