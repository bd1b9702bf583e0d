import { describe, expect, test } from "vitest";
import { isData, isText, stemFinder } from "../../src/symbols/name-anatomy.ts";

function stem(name: string, data: boolean): string {
  const text = Buffer.from(`x${name}y`);
  return text.toString("utf8", 1, stemFinder(text)(1, text.length - 1, data));
}

describe("the stem of a function's name", () => {
  test.each([
    ["name_show", "name_show"],
    ["init_once.llvm.14172910296636650566", "init_once"],
    ["parse_options.llvm.fs/ext4/super.c", "parse_options"],
    ["calculate_order.isra.0.llvm.12", "calculate_order.isra.0"],
    ["calculate_order.isra.0", "calculate_order.isra.0"],
    ["do_one.constprop.0.isra.0", "do_one.constprop.0.isra.0"],
    ["free_area.part.0", "free_area.part.0"],
    ["free_area.part.0.cold", "free_area.part.0.cold"],
    ["panic.cold", "panic.cold"],
    ["count.0", "count.0"],
    ["a.llvmx.1", "a.llvmx.1"],
    ["a.llvm", "a.llvm"],
    [".llvm.1", ".llvm.1"],
  ])("%s → %s", (name, expected) => {
    expect(stem(name, false)).toBe(expected);
  });
});

describe("the stem of a variable's name", () => {
  test.each([
    ["count.0", "count"],
    ["__warned.12", "__warned"],
    ["irq_next.count", "irq_next.count"],
    ["count.llvm.123", "count"],
    ["count.5.llvm.123", "count"],
    ["table.1.2", "table.1"],
    ["v2", "v2"],
    [".5", ".5"],
    ["x.", "x."],
    ["12", "12"],
  ])("%s → %s", (name, expected) => {
    expect(stem(name, true)).toBe(expected);
  });
});

test("types of text are t and T, of data b, d, r, v in either case", () => {
  const letters = Array.from({ length: 256 }, (_, code) => code);
  const those = (kind: (code: number) => boolean) => String.fromCharCode(...letters.filter(kind));
  expect(those(isText)).toBe("Tt");
  expect(those(isData)).toBe("BDRVbdrv");
});
